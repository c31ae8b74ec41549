"""`flyte get`: the table of what can be shown; each command is loaded when it is used."""

from typing import Any

from flyte_cli.app import LazyGroup

command: Any = LazyGroup(
    "get",
    help="Show runs and their actions, here or on a control plane, and what else a control plane keeps.",
    table={
        "run": ("flyte_cli.get_run", "get_run"),
        "action": ("flyte_cli.get_action", "get_action"),
        "logs": ("flyte_cli.get_logs", "get_logs"),
        "io": ("flyte_cli.get_io", "get_io"),
        "report": ("flyte_cli.get_report", "get_report"),
        "condition": ("flyte_cli.get_condition", "get_condition"),
        "task": ("flyte_cli.get_task", "get_task"),
        "project": ("flyte_cli.get_nouns", "get_project"),
        "secret": ("flyte_cli.get_nouns", "get_secret"),
        "trigger": ("flyte_cli.get_nouns", "get_trigger"),
        "artifact": ("flyte_cli.artifacts", "get_artifact"),
        "settings": ("flyte_cli.settings", "get_settings"),
        "code": ("flyte_cli.get_code", "get_code"),
        "app": ("flyte_cli.apps", "get_app"),
        "devbox": ("flyte_cli.devbox", "get_devbox"),
        "config": ("flyte_cli.get_config", "get_config"),
    },
)
"""The command `flyte get`."""
