"""`flyte get config`: the configuration that applies here."""

from dataclasses import fields, is_dataclass
from typing import Any, cast

import click

from flyte_cli.configuring import configured
from flyte_cli.output import Layout, show
from flyte_cli.words import output_option
from flyte_config import ConfigFile, chosen_profile, profile_names
from flyte_protocol.redaction import without_login


@click.command("config")
@output_option
def get_config() -> None:
    """Show the configuration that applies here, and the file it comes from."""
    config = configured()
    data = _data(config)
    profile = data["profile"] = chosen_profile()
    file = ConfigFile(config.source) if config.source is not None else None
    data["profiles"] = list(profile_names(file.tree, file.path)) if file is not None else []

    def text(layout: Layout) -> str:
        lines = [
            ("file", str(data["source"] or "none: there is no configuration file, defaults and environment apply"))
        ]
        lines += [("profile", profile)] if profile else []
        lines += [("profiles", ", ".join(data["profiles"]))] if data["profiles"] else []
        for section, values in data.items():
            if isinstance(values, dict):
                named = cast("dict[str, Any]", values)
                lines += [(f"{section}.{name}", str(value)) for name, value in named.items() if value not in (None, {})]
        return layout.fields(lines)

    show(lambda: data, text)


def _data(part: Any) -> Any:
    if not is_dataclass(part):
        return part
    return {field.name: _hidden(field.name, _data(getattr(part, field.name))) for field in fields(part)}


def _hidden(name: str, value: Any) -> Any:
    if name == "http_proxy_url" and value:
        return without_login(value)
    return "(set, not shown)" if value and "secret" in name else value
