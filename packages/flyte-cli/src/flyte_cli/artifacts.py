"""`flyte create artifact`, `flyte get artifact`: stored data under a name and a version."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from flyte_cli.completers import complete_artifact, complete_version
from flyte_cli.control_plane import connected, here
from flyte_cli.history import PointInTime
from flyte_cli.output import show, show_list
from flyte_cli.times import moment
from flyte_cli.words import argument, output_option, pair_of
from flyte_models.artifacts import Card, CardFormat, CardType, Kind

if TYPE_CHECKING:
    from flyte.remote import Artifact

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KINDS = click.Choice(get_args(Kind))


@click.command("artifact")
@argument("name", shell_complete=complete_artifact)
@click.option(
    "--from-file", type=click.Path(exists=True, path_type=Path), required=True, help="File or folder to upload"
)
@click.option("--version", help="Version [default: one that nothing else has]")
@click.option("--description", help="What it is")
@click.option("--attr", multiple=True, metavar="KEY=VALUE", help="Any other fact (repeatable)")
@click.option("--kind", type=_KINDS, help="What kind of thing it is")
@click.option("--external-ref", help="What it comes from")
@click.option("--partition", multiple=True, metavar="KEY=VALUE", help="Part that it is; a date is a time (repeatable)")
@click.option("--card", type=_FILE, help="Document that describes it")
@click.option("--card-format", type=click.Choice(get_args(CardFormat)), help="Its format [default: of its ending]")
@click.option("--card-type", type=click.Choice(get_args(CardType)), default="generic", help="What it describes")
@connected
@output_option
def create_artifact(
    name: str,
    from_file: Path,
    version: str | None,
    description: str | None,
    attr: tuple[str, ...],
    kind: Any,
    external_ref: str | None,
    partition: tuple[str, ...],
    card: Path | None,
    card_format: str | None,
    card_type: Any,
) -> None:
    """Publish a file or a folder under NAME. Triggers that wait for it start their tasks."""
    from flyte.io import Dir, File  # noqa: PLC0415 - help pages need no client
    from flyte.remote import Artifact, upload_file  # noqa: PLC0415

    form: Any = card_format or (card.suffix.lstrip(".").lower() if card is not None else None)
    if card is not None and form not in get_args(CardFormat):
        raise click.UsageError(
            f"`{card}` has no ending that tells its format\nhint: `--card-format`: {', '.join(get_args(CardFormat))}"
        )
    partitions = {key: _partition(text) for key, text in _pairs("--partition", partition).items()}
    described = Card(uri=upload_file(card)[1], format=form, card_type=card_type) if card is not None else None
    kind_of: Any = Dir if from_file.is_dir() else File
    try:
        made = Artifact.create(
            kind_of(path=str(from_file)),
            name=name,
            version=version,
            description=description,
            attrs=_pairs("--attr", attr) or None,
            kind=kind,
            card=described,
            external_ref=external_ref,
            partitions=partitions or None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    show(made.to_dict, lambda _: f"Published `{made.name}`, version `{made.version}`.")


@click.command("artifact")
@argument("name", required=False, shell_complete=complete_artifact)
@argument("version", required=False, shell_complete=complete_version)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many to list [default: 100]")
@click.option("--search", help="Without NAME: only names with this in them")
@click.option("--created-after", type=PointInTime(), help="Only versions that are younger: `2026-11-26`, `2h`")
@click.option("--source-run", help="Only versions that this run has made")
@click.option("--source-action", help="Only versions that this action has made")
@click.option("--source-external-ref", help="Only versions that come from there")
@click.option("--kind", type=_KINDS, help="Only versions of this kind")
@click.option("--attr", multiple=True, metavar="KEY=VALUE", help="Only versions with this fact (repeatable)")
@click.option(
    "--partition",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only versions of this part: a text, a date, `first..last`, or `one,other` (repeatable)",
)
@click.option("--latest-per-partition", is_flag=True, help="Only the latest version of each part")
@connected
@output_option
def get_artifact(
    name: str | None,
    version: str | None,
    limit: int,
    search: str | None,
    created_after: float | None,
    attr: tuple[str, ...],
    partition: tuple[str, ...],
    latest_per_partition: bool,
    **sources: Any,
) -> None:
    """Show the artifacts of the project and domain, the versions of NAME, or one of them; `latest` is a VERSION."""
    from flyte.remote import Artifact  # noqa: PLC0415 - help pages need no client

    partitions = {key: _selected(text) for key, text in _pairs("--partition", partition).items()}
    facts = _several("--attr", attr)
    narrows = bool(partitions or facts or created_after or latest_per_partition or any(sources.values()))
    if name is not None and version is not None:
        one = Artifact.get(name, version)
        show(one.to_dict, lambda layout: layout.fields(_fields(one)))
        return
    if name is None and not narrows:
        groups = list(Artifact.list_names(search=search, limit=limit))
        show_list(
            groups,
            lambda each: each.to_dict(),
            ("ARTIFACT", "VERSIONS", "LATEST", "PARTITIONS", "CREATED"),
            lambda each, layout: (
                each.name,
                str(each.versions),
                each.latest.version,
                ", ".join(each.partition_schema.all_keys),
                layout.time(each.latest.pb2.created_at.ToMicroseconds() / 1e6),
            ),
            none=f"there are no artifacts{here()}; `flyte create artifact NAME --from-file PATH` publishes one"
            if search is None
            else f"no artifact has `{search}` in its name; `flyte get artifact` lists them",
        )
        return
    try:
        found = list(
            Artifact.listall(
                name,
                moment(created_after),
                limit,
                attrs=facts or None,
                partitions=partitions or None,
                latest_per_partition=latest_per_partition,
                **sources,
            )
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    show_list(
        found,
        lambda each: each.to_dict(),
        ("ARTIFACT", "VERSION", "KIND", "PARTITIONS", "CREATED", "SOURCE"),
        lambda each, layout: (
            each.name,
            each.version,
            each.kind or "",
            _shown(each.partitions),
            layout.time(each.pb2.created_at.ToMicroseconds() / 1e6),
            each.source or "",
        ),
        none="no version matches; with fewer options `flyte get artifact` shows more"
        if narrows
        else f"there is no artifact `{name}`{here()}; `flyte get artifact` lists them",
    )


def _fields(one: "Artifact") -> list[tuple[str, str]]:
    spec = one.pb2.spec
    facts = {key: text for key, text in spec.info.user_metadata.items() if not key.startswith("flyte.io/")}
    value = spec.value.scalar
    where = value.blob.uri if value.HasField("blob") else value.structured_dataset.uri
    return [
        ("artifact", one.name),
        ("version", one.version),
        ("kind", one.kind or ""),
        ("about", spec.info.description),
        ("data", where),
        ("partitions", _shown(one.partitions)),
        ("facts", _shown(facts)),
        ("source", one.source or ""),
        ("parents", ", ".join(f"{each.key.name}@{each.version}".lstrip("@") for each in spec.parent_artifacts)),
        ("card", spec.info.card.uri),
        ("by", one.created_by),
        ("page", one.url),
    ]


def _shown(pairs: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={item.isoformat() if isinstance(item, date) else item}" for key, item in pairs.items())


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    found = _several(option, texts)
    twice = [key for key, values in found.items() if len(values) > 1]
    if twice:
        raise click.UsageError(f"`{option}` is given twice for `{twice[0]}`\nhint: leave one of them out")
    return {key: values[0] for key, values in found.items()}


def _several(option: str, texts: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        key, value = pair_of(option, text)
        found.setdefault(key, []).append(value)
    return found


def _partition(text: str) -> Any:
    """Read what one version is a part of: a date or a time as such, everything else as text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _selected(text: str) -> Any:
    """Read what is asked for: `first..last` for a span of times, `one,other` for one of several texts."""
    first, dots, last = text.partition("..")
    if dots:
        span = (_partition(first), _partition(last))
        if all(isinstance(each, date) for each in span):
            return span
    return text.split(",") if "," in text else _partition(text)
