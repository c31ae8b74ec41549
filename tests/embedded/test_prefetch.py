"""`flyte prefetch hf-model` and `flyte.prefetch.hf_model` on a devbox, with a Hub on this machine."""

import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from flyteidl2.workflow import run_service_pb2
from google.protobuf.json_format import MessageToDict
from tests.hub import Hub, Repository
from tests.recording import NotingProxy

import flyte
from flyte.prefetch import HuggingFaceModelInfo, ShardConfig, VLLMShardArgs, hf_model
from flyte.prefetch.models import artifact_name_of, info_from_json, info_to_json
from flyte.prefetch.submitting import IMAGE_VARIABLE
from flyte.remote import Artifact, Run, Secret
from flyte_cli.shard_config import read_shard_config

from .running import LONGEST, RUNS, connected_to, end, start, until, write_config

TOKEN = f"hf_{secrets.token_hex(17)}"
"""Of this process alone: the text of this file may travel in bundles of other tests, and is no leak."""
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "torch_dtype": "bfloat16"}


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def model(**facts: Any) -> dict[str, bytes]:
    return {
        "config.json": json.dumps(LLAMA | facts).encode(),
        "README.md": b"---\npipeline_tag: text-generation\n---\n# A <model>\n",
        "model-1.safetensors": content(3_000_000),
        "model-2.safetensors": content(1_500_000, 2),
        "onnx/notes.txt": b"notes",
        "empty.txt": b"",
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as hub:
        hub.repositories["org/llama.v1"] = Repository(model(), facts={"pipeline_tag": "text-generation"})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


class Shell:
    """The command in a folder that is configured for a devbox."""

    def __init__(self, config: Path) -> None:
        self.folder = config.parent
        self._config = config

    def popen(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [Path(sys.executable).with_name("flyte"), "--config", self._config, *words],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "COLUMNS": "120", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *words: str, code: int = 0, **variables: str) -> str:
        """Run it, and return what it prints, or writes as an error where `code` is none of 0."""
        process = self.popen(*words, **variables)
        out, err = process.communicate(timeout=LONGEST)
        assert process.returncode == code, out + err
        return err if code else out


@pytest.fixture
def shell(config: Path) -> Shell:
    return Shell(config)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file() and each.name != ".flyte-prefetch.json"
    }


def descendants(pid: int) -> list[int]:
    children: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            children += map(int, file.read_text().split())
    return [each for child in children for each in (*descendants(child), child)]


def attempts_below(folder: Path) -> list[int]:
    """The processes of attempts of devboxes that live below a folder."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            place = (entry / "cwd").readlink()
            if place.is_relative_to(folder) and "work" in place.parts:
                found.append(int(entry.name))
    return found


def ended(run: Any) -> Any:
    run.wait(quiet=True)
    return run


def test_a_model_is_copied_and_published(hub: Hub, shell: Shell) -> None:
    told = json.loads(shell("-of", "json", "prefetch", "hf-model", "org/llama.v1", "--wait"))
    assert told["phase"] == "succeeded"
    run = Run.get(told["name"])
    folder = Path(run.outputs()[0].path)
    assert folder.name == "llama-v1"
    assert files_of(folder) == hub.repositories["org/llama.v1"].files
    assert hub.most_at_once <= 4
    commit = hub.repositories["org/llama.v1"].revision
    artifact = Artifact.get(name="llama-v1", version=commit)
    assert artifact.pb2.spec.info.description == "HuggingFace model org/llama.v1"
    facts = dict(artifact.pb2.spec.info.user_metadata)
    serving = json.loads(facts.pop("flyte.io/serving"))
    assert facts == {
        "flyte.io/kind": "model",
        "framework": "huggingface",
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "task": "text-generation",
        "modality": "text",
        "serial_format": "safetensors",
        "source_repo": "org/llama.v1",
        "source_commit": commit,
    }
    assert (serving["hidden_size"], serving["torch_dtype"], serving["weight_bytes"]) == (64, "bfloat16", 4_500_000)
    assert Path(artifact.pb2.spec.info.card.uri).read_bytes() == hub.repositories["org/llama.v1"].files["README.md"]
    # The same again takes the result of the first; another number copies once more.
    count = len(hub.transfers())
    again = ended(hf_model("org/llama.v1"))
    assert again.outputs()[0].path == str(folder)
    assert len(hub.transfers()) == count
    forced = ended(hf_model("org/llama.v1", force=1))
    assert forced.outputs()[0].path != str(folder)
    assert files_of(Path(forced.outputs()[0].path)) == hub.repositories["org/llama.v1"].files


def test_the_command_begins_a_run_and_does_not_wait(hub: Hub, shell: Shell) -> None:
    hub.repositories["org/begun"] = Repository(model())
    out = shell("prefetch", "hf-model", "org/begun", "--artifact-name", "mine", "--cpu", "1,2", "--mem", "1Gi,2Gi")
    name = re.search(r"run +(\S+)", out)[1]  # type: ignore[index]
    run = ended(Run.get(name))
    assert run.phase == "succeeded"
    assert Artifact.get(name="mine").pb2.spec.info.user_metadata["source_repo"] == "org/begun"


def test_broken_and_damaged_transfers_are_repaired(hub: Hub, connected: int, tmp_path: Path) -> None:
    hub.broken = {"model-1.safetensors": 2, "README.md": 1}
    hub.wrong = {"model-2.safetensors": 1, "config.json": 1}
    hub.busy = 2
    ended(hf_model("org/llama.v1", raw_data_path=str(tmp_path / "place")))
    assert files_of(tmp_path / "place") == hub.repositories["org/llama.v1"].files
    resumed = [asked for _, path, asked, _ in hub.asked if "model-1" in path and asked]
    assert len(resumed) == 2
    assert "bytes=0-" not in resumed


def test_content_that_stays_wrong_is_refused_and_never_seen(hub: Hub, connected: int, tmp_path: Path) -> None:
    place = tmp_path / "place"
    files = hub.repositories["org/llama.v1"].files
    # Four at a time and the largest first: the damaged one, the smallest, begins when at least four others are there.
    files.pop("empty.txt")
    files |= {f"model-{number}.safetensors": content(1_000_000 + number, number) for number in range(3, 6)}
    hub.wrong = {"onnx/notes.txt": 99}
    run = ended(hf_model("org/llama.v1", raw_data_path=str(place)))
    assert run.phase == "failed"
    assert "`onnx/notes.txt` of `org/llama.v1` came with other content" in run.first_failure().error_message
    assert "onnx/notes.txt" not in files_of(place)
    record = json.loads((place / ".flyte-prefetch.json").read_text())
    assert record["is_complete"] is False
    assert "onnx/notes.txt" not in record["files"]
    # Its description reads these two whatever is there.
    fetched = set(record["files"]) - {"config.json", "README.md"}
    assert len(fetched) >= 2
    # The next one goes on, and knows what is there.
    hub.wrong, hub.asked = {}, []
    ended(hf_model("org/llama.v1", raw_data_path=str(place), short_description="again"))
    assert files_of(place) == files
    assert fetched.isdisjoint(hub.transfers())


def test_a_new_commit_replaces_what_has_changed(hub: Hub, connected: int, tmp_path: Path) -> None:
    place = tmp_path / "place"
    ended(hf_model("org/llama.v1", raw_data_path=str(place)))
    (place / "of-the-user.txt").write_text("mine")
    files = hub.repositories["org/llama.v1"].files
    files["model-3.safetensors"] = files.pop("model-2.safetensors")
    files["config.json"] = b"{}"
    hub.asked = []
    ended(hf_model("org/llama.v1", raw_data_path=str(place), force=0, task="generate"))
    assert files_of(place) == files | {"of-the-user.txt": b"mine"}
    assert "model-1.safetensors" not in hub.transfers()
    # Another number fetches what is there as well.
    hub.asked = []
    ended(hf_model("org/llama.v1", raw_data_path=str(place), force=2))
    assert "model-1.safetensors" in hub.transfers()


def test_a_copy_goes_on_after_everything_was_killed(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["org/big"] = Repository({f"{n}.bin": content(1_000_000, n) for n in range(12)})
    hub.let_through = 5
    server, port = start(tmp_path / "devbox")
    try:
        shell = Shell(write_config(tmp_path / "config.yaml", port))
        name = json.loads(shell("-of", "json", "prefetch", "hf-model", "org/big"))["name"]

        def records() -> list[set[str]]:
            found = (tmp_path / "devbox" / "objects").rglob(".flyte-prefetch.json")
            return [noted for each in found if len(noted := set(json.loads(each.read_text())["files"])) == 5]

        until(records, "all that came whole is noted")
        killed = [*descendants(server.pid), server.pid]
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait()
        [kept] = records()
        hub.let_through, hub.asked = 1_000_000, []
        server, port = start(tmp_path / "devbox", port)
        with connected_to(port, tmp_path):
            run = ended(Run.get(name))
            assert run.phase == "succeeded"
            assert files_of(Path(run.outputs()[0].path)) == hub.repositories["org/big"].files
        assert set(hub.transfers()) == {f"{n}.bin" for n in range(12)} - kept
    finally:
        end(server)


def test_a_run_goes_on_where_an_aborted_one_was_ended(hub: Hub, shell: Shell, tmp_path: Path) -> None:
    hub.repositories["org/big"] = Repository({f"{n}.bin": content(500_000, n) for n in range(12)})
    hub.let_through = 5
    record = tmp_path / "place" / ".flyte-prefetch.json"
    words = ("prefetch", "hf-model", "org/big", "--raw-data-path", "place")
    name = json.loads(shell("-of", "json", *words))["name"]
    until(lambda: record.exists() and len(json.loads(record.read_text())["files"]) == 5, "all that came whole is noted")
    shell("abort", "run", name)
    ended(Run.get(name))
    # The run is over at once; what carried it out cleans up, and would go on with what is let through.
    until(lambda: not attempts_below(tmp_path.parent), "nothing of it is left")
    kept = set(json.loads(record.read_text())["files"])
    assert not json.loads(record.read_text())["is_complete"]
    hub.let_through, hub.asked = 1_000_000, []
    shell(*words, "--wait")
    assert files_of(tmp_path / "place") == hub.repositories["org/big"].files
    assert set(hub.transfers()) == {f"{n}.bin" for n in range(12)} - kept


def test_ctrl_c_leaves_the_run(hub: Hub, shell: Shell) -> None:
    hub.repositories["org/slow"] = Repository({"a.bin": content(10_000_000, 7)})
    hub.let_through = 0
    waiting = shell.popen("prefetch", "hf-model", "org/slow", "--wait")
    assert waiting.stdout is not None
    name = waiting.stdout.readline().split()[1]
    until(lambda: hub.transfers(), "the copy begins")
    os.killpg(waiting.pid, signal.SIGINT)
    _, err = waiting.communicate(timeout=LONGEST)
    assert waiting.returncode == 130
    assert f"interrupted: run `{name}` goes on unless it is over" in err
    shell("abort", "run", name)


def test_a_token_is_taken_from_the_secret_and_told_to_nobody(hub: Hub, shell: Shell, port: int, tmp_path: Path) -> None:
    hub.repositories["org/private"] = Repository(model(), token=TOKEN)
    hub.repositories["org/gated"] = Repository(model(), token=TOKEN, is_gated=True)
    Secret.create("hub-token", TOKEN)
    Secret.create("wrong-token", "hf_wrong")
    try:
        hub.let_through = 0
        waiting = shell.popen("prefetch", "hf-model", "org/private", "--hf-token-key", "hub-token", "--wait")
        until(hub.transfers, "the copy begins")
        for arguments in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert TOKEN.encode() not in arguments.read_bytes()
        hub.let_through = 1_000_000
        out, err = waiting.communicate(timeout=LONGEST)
        assert "result" in out, err
        assert TOKEN not in out + err
        # To the Hub, and to nobody else.
        assert {token for _, path, _, token in hub.asked if "org/private" in path} == {TOKEN}
        refused = [
            ("org/private", (), "there is no repository `org/private` of a model on the Hub, or it is private"),
            ("org/gated", (), "the Hub does not let `config.json` of `org/gated` be read without a token"),
            ("org/gated", ("--hf-token-key", "wrong-token"), "the Hub does not take the token that was given"),
            (
                "org/none",
                ("--hf-token-key", "hub-token"),
                "there is no repository `org/none` of a model on the Hub, or the",
            ),
        ]
        for repo, options, said in refused:
            assert said in shell("prefetch", "hf-model", repo, "--wait", *options, code=1)
    finally:
        for name in ("hub-token", "wrong-token"):
            Secret.delete(name)
    # Records, inputs, outputs and logs of the devbox, and what the commands have left.
    for folder in (tmp_path, *tmp_path.parent.glob("devbox*")):
        # The devbox removes folders meanwhile, at which `rglob` would fail.
        for place, _, names in os.walk(folder):
            for file in (Path(place, name) for name in names):
                with suppress(OSError):
                    assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


def test_bad_command_lines_are_refused_before_anything_is_begun(hub: Hub, shell: Shell) -> None:
    before = len(list(Run.listall()))
    shards = shell.folder / "shards.yaml"

    def refused(*words: str) -> str:
        return " ".join(shell("prefetch", "hf-model", *words, code=2).split())

    assert "'a b' is no name of a Hugging Face repository" in refused("a b")
    assert "got 'a b/c' hint: `a-b-c`" in refused("org/llama.v1", "--artifact-name", "a b/c")
    assert "`--gpu` knows no `A100:9` hint: did you mean `A100:" in refused("org/llama.v1", "--gpu", "A100:9")
    assert "`--mem` is a quantity" in refused("org/llama.v1", "--mem", "1Gi,")
    assert "there is no secret `absent` to take the token from" in refused("org/llama.v1", "--hf-token-key", "absent")
    shards.write_text("engine: vllm\nargs:\n  tensor_size: 2\n")
    told = refused("org/llama.v1", "--shard-config", str(shards))
    assert "line 3: `args` has no key `tensor_size`" in told
    shards.write_text("engine: vllm\nargs:\n  tensor_parallel_size: 8\n")
    told = refused("org/llama.v1", "--shard-config", str(shards), "--gpu", "A100:4")
    assert "`tensor_parallel_size` is 8, and only 4 of A100 is asked for" in told
    assert len(list(Run.listall())) == before
    assert not hub.asked


def test_shards_need_their_engine_before_anything_is_fetched(hub: Hub, connected: int) -> None:
    run = ended(hf_model("org/llama.v1", shard_config=ShardConfig(args=VLLMShardArgs(tensor_parallel_size=2))))
    assert run.phase == "failed"
    assert "vllm, which cuts the model into shards, is not installed where this task runs; nothing was fetched" in (
        run.first_failure().error_message
    )
    assert not hub.transfers()


STAND_IN = """
import pathlib, sys, types

class Core:
    def save_sharded_state(self, path, pattern, max_size):
        for rank in range(LLM.asked["tensor_parallel_size"]):
            name = pattern.format(rank=rank, part=0)
            whole = pathlib.Path(LLM.asked["model"], "model-1.safetensors").read_bytes()
            pathlib.Path(path, name).write_bytes(whole[rank::LLM.asked["tensor_parallel_size"]])

class LLM:
    def __init__(self, **asked):
        LLM.asked = asked
        self.llm_engine = types.SimpleNamespace(engine_core=Core())
"""


def test_shards_are_stored_in_place_of_the_weights(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # vLLM needs accelerators: this stands in for it, with the few names of it that are used.
    (tmp_path / "vllm.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    shards = ShardConfig(args=VLLMShardArgs(tensor_parallel_size=2))
    server, port = start(tmp_path / "devbox")
    try:
        shell = Shell(write_config(tmp_path / "config.yaml", port))
        (tmp_path / "shards.yaml").write_text("args:\n  tensor_parallel_size: 2\n")
        words = ("prefetch", "hf-model", "org/llama.v1", "--shard-config", "shards.yaml", "--raw-data-path", "place")
        shell(*words[:-1], str(tmp_path / "place"), "--wait")
        files = hub.repositories["org/llama.v1"].files
        assert shards.args.file_pattern is not None
        cut = {
            shards.args.file_pattern.format(rank=rank, part=0): files["model-1.safetensors"][rank::2] for rank in (0, 1)
        }
        others = {name: each for name, each in files.items() if not name.endswith(".safetensors")}
        assert files_of(tmp_path / "place") == cut | others
        hub.asked = []
        shell(*words[:-1], str(tmp_path / "place"), "--wait", "--short-description", "again")
        assert not [name for name in hub.transfers() if name.endswith(".safetensors")]
    finally:
        end(server)


def test_what_is_asked_of_the_control_plane(hub: Hub, port: int, tmp_path: Path) -> None:
    noted = {method.path: (name, method.input_class) for name, method in RUNS.items()}
    with NotingProxy(noted, port) as proxy:
        shell = Shell(write_config(tmp_path / "config.yaml", proxy.port))
        shell("prefetch", "hf-model", "org/llama.v1", "--gpu", "L4:2", "--shm", "auto", "--hf-token-key", "")
        [created] = [message for name, _, message in proxy.noted if name == "CreateRun"]
    assert isinstance(created, run_service_pb2.CreateRunRequest)
    template = MessageToDict(created.task_spec.task_template, preserving_proto_field_name=True)
    # As 2.12.1 asks, but for the image, the code, and versions, which are each one's own.
    assert template["id"]["name"] == "prefetch-hf-model.store_hf_model_task"
    assert created.task_spec.short_name == "store_hf_model_task"
    assert created.task_spec.environment.name == "prefetch-hf-model"
    assert template["metadata"]["discoverable"] is True
    assert template["metadata"]["generates_deck"] is True
    assert template["metadata"]["produces_artifacts"] is True
    assert template["interface"]["inputs"]["variables"] == [
        {"key": "info", "value": {"type": {"simple": "STRING"}}},
        {
            "key": "raw_data_path",
            "value": {
                "type": {
                    "union_type": {
                        "variants": [
                            {"simple": "STRING", "structure": {"tag": "str"}},
                            {"simple": "NONE", "structure": {"tag": "none"}},
                        ]
                    }
                }
            },
        },
    ]
    assert template["interface"]["outputs"]["variables"] == [
        {"key": "o0", "value": {"type": {"blob": {"dimensionality": "MULTIPART"}}}}
    ]
    assert template["container"]["resources"]["requests"] == [
        {"name": "CPU", "value": "2"},
        {"name": "MEMORY", "value": "8Gi"},
        {"name": "GPU", "value": "2"},
        {"name": "EPHEMERAL_STORAGE", "value": "50Gi"},
    ]
    assert template["extended_resources"]["gpu_accelerator"]["device"] == "nvidia-l4"
    assert dict(created.run_spec.labels.values) == {"model": "llama-v1"}


LIST_SECRETS = "/flyteidl2.secret.SecretService/ListSecrets"


@pytest.mark.parametrize("code", ["unimplemented", "permission_denied", "not_found"])
def test_who_may_not_see_secrets_may_use_them(code: str, hub: Hub, port: int, tmp_path: Path) -> None:
    noted = {method.path: (name, method.input_class) for name, method in RUNS.items()}
    with NotingProxy(noted, port, {LIST_SECRETS: code}) as proxy, connected_to(proxy.port, tmp_path):
        ended(hf_model("org/llama.v1", hf_token_key="unseen"))
        [created] = [message for name, _, message in proxy.noted if name == "CreateRun"]
    assert [each.key for each in created.task_spec.task_template.security_context.secrets] == ["unseen"]


@pytest.mark.parametrize("code", ["internal", "unauthenticated", "data_loss"])
def test_a_look_for_the_secret_that_fails_is_told(code: str, hub: Hub, port: int, tmp_path: Path) -> None:
    noted = {method.path: (name, method.input_class) for name, method in RUNS.items()}
    with NotingProxy(noted, port, {LIST_SECRETS: code}) as proxy, connected_to(proxy.port, tmp_path):
        with pytest.raises(flyte.errors.UnionRpcError, match=r"SecretService\.ListSecrets: refused on purpose"):
            hf_model("org/llama.v1", hf_token_key="unseen")
        assert not [name for name, _, _ in proxy.noted if name == "CreateRun"]


def test_the_image_is_the_named_one(hub: Hub, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = {method.path: (name, method.input_class) for name, method in RUNS.items()}
    versions = set[str]()
    for image in ("registry.example.org/models:1", "registry.example.org/models:2"):
        monkeypatch.setenv(IMAGE_VARIABLE, image)
        with NotingProxy(noted, port) as proxy, connected_to(proxy.port, tmp_path):
            run = hf_model("org/llama.v1", hf_token_key=None)
            # What that image is cannot be fetched here, and what counts is what was asked for; it may be over already.
            with suppress(flyte.errors.UnionRpcError):
                run.abort()
            ended(run)
            [created] = [message for name, _, message in proxy.noted if name == "CreateRun"]
        template = created.task_spec.task_template
        assert template.container.image == image
        versions.add(template.id.version)
    assert len(versions) == 2


def test_without_an_image_a_distant_control_plane_is_not_asked(hub: Hub, tmp_path: Path) -> None:
    # Loopback as well, but no name by which this machine calls itself.
    with connected_to(None, tmp_path, endpoint="127.0.0.2:9", insecure=True, project="p", domain="d"):
        with pytest.raises(flyte.errors.ImageBuildError, match=IMAGE_VARIABLE) as caught:
            hf_model("org/llama.v1", hf_token_key=None)
        assert "flyte[huggingface]`" in str(caught.value)
        shards = ShardConfig(args=VLLMShardArgs(tensor_parallel_size=2))
        with pytest.raises(flyte.errors.ImageBuildError, match="and vllm"):
            hf_model("org/llama.v1", hf_token_key=None, shard_config=shards)


def test_without_a_control_plane_the_run_is_of_this_process(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected_to(None, tmp_path):
        run = hf_model("org/llama.v1", raw_data_path=str(tmp_path / "place"))
        assert files_of(Path(run.outputs()[0].path)) == hub.repositories["org/llama.v1"].files
        monkeypatch.setattr(hub, "repositories", {})
        with pytest.raises(flyte.errors.RuntimeUserError, match="there is no repository `org/llama.v1`"):
            hf_model("org/llama.v1", raw_data_path=str(tmp_path / "other"))


def test_models_are_described_as_the_reference_does() -> None:
    # Recorded from 2.12.1.
    text = (
        '{"repo":"org/other","artifact_name":null,"architecture":null,"task":"auto","modality":["text"],'
        '"serial_format":null,"model_type":null,"short_description":null,"shard_config":{"engine":"vllm","args":'
        '{"tensor_parallel_size":2,"dtype":"auto","trust_remote_code":true,"max_model_len":null,'
        '"file_pattern":"model-rank-{rank}-part-{part}.safetensors","max_file_size":5368709120}}}'
    )
    info = HuggingFaceModelInfo(repo="org/other", shard_config=ShardConfig(args=VLLMShardArgs(tensor_parallel_size=2)))
    assert info_to_json(info) == text
    assert info_from_json(text) == info
    assert artifact_name_of(HuggingFaceModelInfo(repo="org/model.v1")) == "model-v1"
    assert VLLMShardArgs(tensor_parallel_size=2).get_vllm_args("/m") == {
        "model": "/m",
        "tensor_parallel_size": 2,
        "dtype": "auto",
        "trust_remote_code": True,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "engine: ray\n": "line 1: `engine` must be `vllm`, got 'ray'",
        "engine: vllm\nargs:\n  tensor_size: 2\n": "line 3: `args` has no key `tensor_size` hint: did you mean "
        "`tensor_parallel_size`?",
        "engine: vllm\nargs:\n  dtype: auto\n  tensor_parallel_size: two\n": "line 4: `args.tensor_parallel_size` must be a "
        "whole number, got 'two'",
        "engine: vllm\nargs:\n  max_file_size: 0\n": "line 3: `args.max_file_size` must be at least 1, got 0",
        "engine: vllm\nsize: 2\n": "line 2: the file has no key `size`",
        "- engine\n": "line 1: the file must hold keys with values",
        "": "the file must hold keys with values",
        "engine: [\n": "line 2: not YAML",
        "engine: vllm\nengine: vllm\n": "line 2: `engine` stands here a second time",
    }.items(),
)
def test_a_mistake_in_the_file_of_shards_is_told_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "shards.yaml").write_text(text)
    with pytest.raises(click.UsageError) as caught:
        read_shard_config(tmp_path / "shards.yaml")
    assert said in " ".join(str(caught.value).split())


def test_a_file_of_shards_is_read(tmp_path: Path) -> None:
    (tmp_path / "shards.yaml").write_text(
        "args:\n  tensor_parallel_size: 4\n  max_model_len: null\n  dtype: 'float16'\n"
    )
    read = read_shard_config(tmp_path / "shards.yaml")
    assert read == ShardConfig(args=VLLMShardArgs(tensor_parallel_size=4, dtype="float16"))
