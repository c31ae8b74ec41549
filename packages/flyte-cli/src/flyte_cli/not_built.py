"""Commands that this version refuses: their options are read as usual, and then a sentence says what is missing."""

import click

_IMAGES = "images are not built by this version yet: it declares them, and runs what a registry or this machine has"
_APPS = "this version neither declares apps nor serves or deploys them yet"

_IMAGES_HINT = "build with docker or podman, and name the result: `flyte.Image.from_base(...)`, `flyte run --image URI`"
_APPS_HINT = "`flyte get app`, `flyte update app` and `flyte proxy app` are about the apps of a cluster"


def refusing(name: str, purpose: str, reason: str, hint: str) -> click.Command:
    """Make a command that takes any words and refuses."""

    def refuse(**_: object) -> None:
        command = click.get_current_context().command_path
        raise click.UsageError(f"`{command}` is not to be had: {reason}\nhint: {hint}")

    return click.Command(
        name,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        callback=refuse,
        help=f"{purpose} (not built yet).",
        context_settings={"ignore_unknown_options": True},
    )


build = refusing("build", "Build the images of environments", _IMAGES, _IMAGES_HINT)
serve = refusing("serve", "Serve an app", _APPS, _APPS_HINT)
