"""`flyte config check`: tells which step between here and the control plane fails, and why."""

from typing import TYPE_CHECKING, Any

import click

from flyte_cli import exit_codes
from flyte_cli.app import LazyGroup
from flyte_cli.control_plane import connected
from flyte_cli.output import Layout, show
from flyte_cli.words import output_option
from flyte_config import chosen_profile

if TYPE_CHECKING:
    from flyte_remote.checking import Step


@click.command("check")
@connected
@output_option
def check() -> None:
    """Try what the configuration says: endpoint, TLS, API, sign-in, project and store, one after the other.

    The first step that fails is the one to look at. Exit codes: 0 all is well, 4 the configuration cannot be used,
    5 a step failed.
    """
    import asyncio  # noqa: PLC0415 - help pages need none of it

    import flyte.remote  # noqa: PLC0415, F401 # pyright: ignore[reportUnusedImport] - it says where the control plane is
    from flyte_cli.configuring import configured  # noqa: PLC0415
    from flyte_remote.checking import STEPS, Step, steps  # noqa: PLC0415

    config = configured()

    async def gather() -> list[Step]:
        return [step async for step in steps()]

    found = asyncio.run(gather())
    found += [Step(name, "not tried", "") for name in STEPS[len(found) :]]
    source = str(config.source or "none: defaults and environment")
    profile = chosen_profile()
    data = {
        "file": source,
        "profile": profile,
        "endpoint": config.platform.endpoint,
        "steps": [{"step": step.name, "state": step.state, "text": step.text} for step in found],
    }

    def text(layout: Layout) -> str:
        head = [("file", source), *([("profile", profile)] if profile else [])]
        return layout.fields([*head, *((step.name, _shown(step)) for step in found)])

    show(lambda: data, text)
    if any(step.state == "failed" for step in found):
        raise click.exceptions.Exit(exit_codes.CONTROL_PLANE)


def _shown(step: "Step") -> str:
    return f"{step.state}: {step.text}" if step.text else step.state


command: Any = LazyGroup(
    "config", help="Check the configuration.", table={"check": ("flyte_cli.config_check", "check")}
)
"""The command `flyte config`."""
