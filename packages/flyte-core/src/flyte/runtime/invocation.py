"""What one action is told when it starts: the arguments of `a0` and the environment of its container, read once.

The arguments are a contract with control planes, and with tasks that other versions have registered. Backends leave some of the
templates in them as they are, so what still reads `{{...}}` counts as not given.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime

from flyte_models.debugging import DEBUG_ACTION, DEBUG_VARIABLE, SSH_VARIABLE, is_asked_for
from flyte_models.ids import ActionID
from flyte_models.values import value

__all__ = ["Invocation", "InvocationError", "read_invocation"]


class InvocationError(ValueError):
    """The arguments or the environment do not say what to run."""


@value
class Invocation:
    """One attempt at one action, as the control plane started it."""

    action: ActionID
    inputs: str
    """URI of the `Inputs`."""
    outputs_path: str
    """URI of the folder that takes `outputs.pb`, or `error.pb`."""
    version: str
    run_base_dir: str
    """URI of the folder under which the run keeps the inputs of its actions."""
    raw_data_path: str
    checkpoint_path: str | None = None
    prev_checkpoint: str | None = None
    run_start_time: datetime | None = None
    image_cache: str | None = None
    """The image cache in the form that arguments carry it."""
    tgz: str | None = None
    pkl: str | None = None
    dest: str = "."
    resolver: str | None = None
    resolver_args: tuple[str, ...] = ()
    sys_path: tuple[str, ...] = ()
    """Folders below the bundle's that modules are imported from."""
    path_rewrite: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """The environment of the process, for what reads it later."""
    given_inputs: bytes | None = None
    """Content of `inputs`, when it came along; there may be no such object then."""

    debug: bool | None = None
    """Whether an argument asks for an editor, or forbids it."""

    @property
    def is_restart(self) -> bool:
        """Whether there was an attempt before, or a trial in an editor, which may have created children already."""
        was_tried = self.action.name == DEBUG_ACTION and DEBUG_VARIABLE in self.environment
        return was_tried or self.environment.get("FLYTE_ATTEMPT_NUMBER", "0") not in {"", "0"}

    @property
    def wants_editor(self) -> bool:
        """Whether the task is to be run by hand in an editor before it is run: the root action of a run in debug mode."""
        if self.action.name != DEBUG_ACTION:
            return False
        if self.debug is not None:
            return self.debug
        # A shell over SSH is refused where the editor is started.
        return any(is_asked_for(self.environment.get(name)) for name in (DEBUG_VARIABLE, SSH_VARIABLE))

    @property
    def syncs(self) -> bool:
        """Whether what it writes to this machine must be on disk before it says so. On a devbox, that is for the devbox to do."""
        return "FLYTE_DEVBOX_FOLDER" not in self.environment


_OPTIONS = frozenset(
    {
        "inputs",
        "outputs-path",
        "version",
        "raw-data-path",
        "checkpoint-path",
        "prev-checkpoint",
        "run-name",
        "name",
        "run-start-time",
        "image-cache",
        "tgz",
        "pkl",
        "dest",
        "resolver",
        "run-base-dir",
        "project",
        "domain",
        "org",
    }
)
_FLAGS = frozenset({"debug", "interactive-mode"})
_TRUTHS = frozenset({"true", "false"})


def read_invocation(
    argv: Sequence[str], env: Mapping[str, str] | None = None, *, inputs: bytes | None = None
) -> Invocation:
    """Read the arguments after the name of the command, and the environment.

    Args:
        argv: the arguments.
        env: the environment; that of this process if not given.
        inputs: see `Invocation.given_inputs`.

    Raises:
        InvocationError: an option is unknown or incomplete, or what has to be known is not.
    """
    environment = os.environ if env is None else env
    options, rest = _options(argv)
    input_uri = _needed(options, "inputs")
    outputs_path = _needed(options, "outputs-path").rstrip("/")
    name = _given(options.get("name")) or environment.get("ACTION_NAME")
    run_name = _given(options.get("run-name")) or environment.get("RUN_NAME")
    if not name or not run_name:
        missing = "RUN_NAME" if name else "ACTION_NAME"
        raise InvocationError(
            f"it is not known which action this is: `{missing}` is not in the environment, and no argument says it\n"
            "hint: `a0` is started by a control plane, not by hand"
        )
    action = ActionID(
        name=name,
        run_name=run_name,
        project=_given(options.get("project")) or environment.get("FLYTE_INTERNAL_EXECUTION_PROJECT"),
        domain=_given(options.get("domain")) or environment.get("FLYTE_INTERNAL_EXECUTION_DOMAIN"),
        org=_given(options.get("org")) or environment.get("_U_ORG_NAME"),
    )
    return Invocation(
        action=action,
        inputs=input_uri,
        outputs_path=outputs_path,
        version=_given(options.get("version")) or "",
        run_base_dir=(
            _given(options.get("run-base-dir")) or environment.get("_U_RUN_BASE") or _base_of(input_uri, name)
        ).rstrip("/"),
        raw_data_path=_given(options.get("raw-data-path")) or outputs_path,
        checkpoint_path=_given(options.get("checkpoint-path")),
        prev_checkpoint=_given(options.get("prev-checkpoint")),
        run_start_time=_time(options.get("run-start-time")),
        image_cache=_given(options.get("image-cache")),
        tgz=_given(options.get("tgz")),
        pkl=_given(options.get("pkl")),
        dest=_given(options.get("dest")) or ".",
        resolver=_given(options.get("resolver")),
        resolver_args=tuple(rest),
        sys_path=tuple(part for part in environment.get("_F_SYS_PATH", "").split(":") if part),
        path_rewrite=environment.get("_F_PATH_REWRITE") or None,
        environment=environment,
        given_inputs=inputs,
        debug=is_asked_for(options["debug"]) if "debug" in options else None,
    )


def _options(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split options from the arguments of the resolver, which begin at the first that is no option."""
    options: dict[str, str] = {}
    position = 0
    while position < len(argv):
        argument = argv[position]
        if argument == "--":
            return options, list(argv[position + 1 :])
        if not argument.startswith("--"):
            return options, list(argv[position:])
        name, has_value, content = argument[2:].partition("=")
        position += 1
        if name in _FLAGS:
            if not has_value:
                # PyPI flyte writes `--debug False`.
                is_said = position < len(argv) and argv[position].lower() in _TRUTHS
                content = argv[position] if is_said else "true"
                position += is_said
            options[name] = content
            continue
        if name not in _OPTIONS:
            raise InvocationError(
                f"`a0` has no option `--{name}`\n"
                "hint: the task may have been registered by a newer version than the one in the image"
            )
        if not has_value:
            if position == len(argv):
                raise InvocationError(f"the option `--{name}` of `a0` has no value")
            content = argv[position]
            position += 1
        options[name] = content
    return options, []


def _given(text: str | None) -> str | None:
    """Return what was given: not a template that nobody filled in, and not the two quotes that stand for nothing."""
    if text is None or text in {"", '""', "''"} or ("{{" in text and "}}" in text):
        return None
    return text


def _needed(options: Mapping[str, str], name: str) -> str:
    text = _given(options.get(name))
    if text is None:
        raise InvocationError(f"`a0` was not told `--{name}`\nhint: it is started by a control plane, not by hand")
    return text


def _base_of(inputs: str, name: str) -> str:
    """Return the folder of a run that has the inputs of its actions at `<base>/<action>/inputs.pb`."""
    folder = inputs.rpartition("/")[0]
    base, _, last = folder.rpartition("/")
    if last != name or not base:
        raise InvocationError(
            f"it is not known where the run keeps its data: `_U_RUN_BASE` is not set, and `{inputs}` does not tell"
        )
    return base


def _time(text: str | None) -> datetime | None:
    given = _given(text)
    if given is None:
        return None
    try:
        parsed = datetime.fromisoformat(given)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
