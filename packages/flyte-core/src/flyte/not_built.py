"""What PyPI flyte 2.12 has and this version does not have yet: one table, and the error of whoever imports it."""

import inspect

from flyte_models.errors import NotBuiltError

__all__ = ["missing_attribute", "not_built", "what_is_there"]

_APPS = "`flyte.remote.App` and `flyte proxy app` look at, start, stop and reach the apps of a cluster"
_INSTEAD = {
    "ai": "an agent can be written as tasks: `env.task` for its steps, `@flyte.trace` for calls that must not be made twice",
    "app": _APPS,
    "clustered": "several workers that need not talk to each other are a fan-out: `flyte.map`, or tasks in `asyncio.gather`",
    "connectors": "a task that asks the foreign service itself runs everywhere: `env.task`",
    "extras.model_streamer": "`flyte.prefetch.hf_model` stores a model, and `flyte.io.Dir.download` brings it to a task",
    "extras.webhooks": "`flyte.notify` sends notifications of runs, `flyte.ConditionWebhook` calls out for conditions",
    "sandbox": "`env.task` runs the function itself, `flyte.extras.ContainerTask` a command in a container of its own",
    "AppHandle": _APPS,
    "serve": _APPS,
    "with_servecontext": _APPS,
}
"""Module or name below `flyte`, and what there is in its place."""


def what_is_there(name: str) -> str:
    """Return the hint for a module or a name that is not built; `name` is whole, as in `flyte.app`."""
    return _INSTEAD[name.removeprefix("flyte.")]


def not_built(name: str) -> NotBuiltError:
    """Make the error of an import of `name`, which is whole, as in `flyte.app`."""
    return NotBuiltError(_message(name), name=name)


def missing_attribute(name: str) -> Exception:
    """Make the error of a module's `__getattr__` for `name`, which is whole; call it there and nowhere else.

    An `AttributeError`, so that `hasattr` says no. A `from ... import` would drop its text, and gets a `NotBuiltError`.
    """
    return not_built(name) if _is_imported() else AttributeError(_message(name))


def _is_imported() -> bool:
    # Nothing but the frame of whoever looks the attribute up tells an import from `hasattr`.
    asking = inspect.currentframe()
    for _ in range(3):  # this function, `missing_attribute`, the module's `__getattr__`
        asking = asking and asking.f_back
    if asking is None:
        return False
    return (asking.f_code.co_filename, asking.f_code.co_name) == (
        "<frozen importlib._bootstrap>",
        "_handle_fromlist",
    )


def _message(name: str) -> str:
    return f"`{name}` is not built yet in this version of flyte\nhint: {what_is_there(name)}"
