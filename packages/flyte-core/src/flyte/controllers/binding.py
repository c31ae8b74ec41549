"""Arguments of a call bound to the inputs of a task: every input has a value, or the call is refused before anything happens."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from flyte_models.interface import NativeInterface


class InputError(ValueError):
    """The arguments of a call do not fit the inputs of the task."""

    def __init__(self, task_name: str, problem: str, interface: NativeInterface, hint: str = "") -> None:
        """Say which task and what does not fit; the task's signature is shown."""
        self.task_name = task_name
        signature = f"`{task_name}` takes {describe_inputs(interface)}"
        super().__init__(f"{problem}\n{signature}" + (f"\nhint: {hint}" if hint else ""))


def bind_inputs(
    task_name: str, interface: NativeInterface, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a value for every input, in the order of the signature, defaults filled in.

    Raises:
        InputError: when inputs are missing, unknown or given twice.
    """
    names = list(interface.inputs)
    if len(args) > len(names):
        raise InputError(task_name, f"{len(args)} positional inputs were given, at most {len(names)} fit", interface)
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in interface.inputs:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"leave `{name}` out"
            raise InputError(task_name, f"there is no input `{name}` (got {value!r})", interface, hint)
        if name in values:
            raise InputError(task_name, f"input `{name}` was given twice, by position and by name", interface)
        values[name] = value
    missing: list[str] = []
    for name, (_, default) in interface.inputs.items():
        if name not in values:
            if default is inspect.Parameter.empty:
                missing.append(name)
            else:
                values[name] = default
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise InputError(
            task_name,
            f"{'input' if len(missing) == 1 else 'inputs'} {listed} {'is' if len(missing) == 1 else 'are'} missing",
            interface,
            f"pass {', '.join(f'{name}=...' for name in missing)}",
        )
    return {name: values[name] for name in names}


def describe_inputs(interface: NativeInterface) -> str:
    """Return the inputs as a signature: `(path: File, size: int = 100)`."""
    return repr(interface).rpartition(" -> ")[0]
