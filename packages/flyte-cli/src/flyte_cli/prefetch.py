"""`flyte prefetch hf-model REPO`: a model of Hugging Face, copied to the object store by a run."""

import time
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.control_plane import connected
from flyte_cli.words import argument, output_option
from flyte_models.accelerators import ACCELERATORS

command: Any = LazyGroup(
    "prefetch", help="Copy models beforehand.", table={"hf-model": ("flyte_cli.prefetch", "model")}
)
"""The command `flyte prefetch`."""


@click.command("hf-model")
@argument("repo")
@click.option(
    "--raw-data-path",
    metavar="URI",
    help="Folder of the model; a run that was ended halfway goes on there [default: a new folder of the run]",
)
@click.option("--artifact-name", help="Name of the artifact [default: that of the repository, with - for each dot]")
@click.option("--architecture", help="Architecture [default: as config.json says]")
@click.option("--task", default="auto", help="What the model is for [default: as the repository says]")
@click.option(
    "--modality",
    multiple=True,
    default=("text",),
    help="What it works on: text, image, audio or video (repeatable) [default: text]",
)
@click.option("--format", "serial_format", help="How weights are stored [default: by the names of the files]")
@click.option("--model-type", help="Family of the model [default: as config.json says]")
@click.option("--short-description", help="Description of the artifact")
@click.option("--force", type=click.IntRange(0), default=0, help="Each other number copies all again [default: 0]")
@click.option("--wait", is_flag=True, help="Print how far the copy is, and wait until it is done")
@click.option(
    "--hf-token-key",
    default="HF_TOKEN",
    metavar="SECRET",
    help="Secret with your token of the Hub; '' asks without one [default: HF_TOKEN, if there is one]",
)
@click.option("--cpu", default="2", help="CPUs, or least and most as 2,4 [default: 2]")
@click.option("--mem", default="8Gi", help="Memory, or least and most as 8Gi,16Gi [default: 8Gi]")
@click.option("--gpu", metavar="MODEL:COUNT", help="Accelerators, such as A100:8")
@click.option("--disk", default="50Gi", help="Disk; a model that is cut has to find room twice [default: 50Gi]")
@click.option("--shm", help="Shared memory, such as 16Gi, or auto")
@click.option(
    "--shard-config",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file that says how the model is cut: engine and args",
)
@connected
@output_option
def model(
    repo: str,
    raw_data_path: str | None,
    modality: tuple[str, ...],
    wait: bool,
    hf_token_key: str,
    cpu: str,
    mem: str,
    gpu: str | None,
    disk: str,
    shm: str | None,
    shard_config: Path | None,
    **facts: Any,
) -> None:
    """Copy the model REPO of Hugging Face into storage, by a run of the control plane.

    REPO is written as on the Hub: meta-llama/Llama-2-7b-hf. The model becomes an artifact, whose version is the commit; where
    it is stays the result of the run. The same command again takes what is there.
    """
    from flyte.initialization import settings  # noqa: PLC0415 - help pages need no client
    from flyte.prefetch import hf_model  # noqa: PLC0415 - as above
    from flyte_cli.remote_runs import report, starting  # noqa: PLC0415 - as above
    from flyte_cli.shard_config import read_shard_config  # noqa: PLC0415 - as above
    from flyte_models.resources import Resources  # noqa: PLC0415 - as above

    if not settings().endpoint:
        raise click.UsageError(
            "no control plane is configured to copy the model\n"
            "hint: add `--devbox`, or `flyte create config --devbox` for all commands"
        )
    if gpu is not None and gpu not in ACCELERATORS:
        raise click.UsageError(_no_accelerator(gpu))
    shards = read_shard_config(shard_config) if shard_config is not None else None
    began = time.monotonic()
    try:
        resources = Resources(cpu=_pair("--cpu", cpu), memory=_pair("--mem", mem), gpu=gpu, disk=disk, shm=shm)  # pyright: ignore[reportArgumentType]
        with starting():
            run = hf_model(
                repo,
                raw_data_path=raw_data_path,
                modality=modality,
                shard_config=shards,
                hf_token_key=hf_token_key,
                resources=resources,
                **facts,
            )
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from None
    report(run, began, follows=wait)


def _pair(option: str, text: str) -> str | tuple[str, str]:
    """Read a quantity, or the least and the most."""
    least, comma, most = (part.strip() for part in text.partition(","))
    if not least or (comma and (not most or "," in most)):
        raise click.UsageError(f"`{option}` is a quantity, or the least and the most as 2,4; got `{text}`")
    return (least, most) if comma else least


def _no_accelerator(name: str) -> str:
    from flyte_cli.messages import closest  # noqa: PLC0415 - of this error only

    close = closest(name, ACCELERATORS)
    hint = f"did you mean `{close}`?" if close else "a model and how many of it, such as `A100:8`, `L4:1` or `T4:4`"
    return f"`--gpu` knows no `{name}`\nhint: {hint}"
