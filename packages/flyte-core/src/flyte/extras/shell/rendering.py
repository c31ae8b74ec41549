"""From a script with `{inputs.x}`, `{flags.x}` and `{outputs.x}` to the bash that a container runs. Pure.

Values never become part of the script's text: they come as positional parameters, so that no value can be a command.
"""

import re
from collections.abc import Mapping, Sequence

from flyte.extras.shell.types import FlagSpec, InputKind

__all__ = ["PAIR_SEPARATOR", "ScriptParts", "render"]

PAIR_SEPARATOR = "\x1e"
"""What stands between keys and values of a dict when it is one text."""

_PLACE = re.compile(r"\{(inputs|flags|outputs)\.(\w+)\}")
_POSITIONAL = ("text", "switch", "pairs")


class ScriptParts:
    """What a script may name: inputs with their kinds and flags, and outputs; and where a container has them."""

    def __init__(
        self,
        kinds: Mapping[str, InputKind],
        flags: Mapping[str, FlagSpec],
        outputs: Sequence[str],
        *,
        input_dir: str,
        output_dir: str,
    ) -> None:
        """Take all of them by name."""
        self.kinds = kinds
        self.flags = flags
        self.outputs = outputs
        self.input_dir = input_dir
        self.output_dir = output_dir

    @property
    def positional(self) -> list[str]:
        """The inputs that come as positional parameters, in order."""
        return [name for name, kind in self.kinds.items() if kind in _POSITIONAL]


def render(script: str, parts: ScriptParts) -> str:
    """Give the script with everything in its place.

    Raises:
        KeyError: It names an input or an output that there is not.
    """
    numbers = {name: number for number, name in enumerate(parts.positional, 1)}
    used: dict[str, None] = {}

    def replaced(found: re.Match[str]) -> str:
        group, name = found[1], found[2]
        known = parts.outputs if group == "outputs" else parts.kinds
        if name not in known:
            names = ", ".join(f"`{each}`" for each in known) or "none"
            kind = "output" if group == "outputs" else "input"
            raise KeyError(f"the script names `{found[0]}`, and there is no {kind} `{name}`; there are: {names}")
        if group == "outputs":
            return f"{parts.output_dir}/{name}"
        if group == "flags":
            used[name] = None
            return f'"${{FLAG_{name}[@]}}"'
        return _reference(name, parts, numbers)

    body = _PLACE.sub(replaced, script)
    return "\n".join([*(_flag(name, parts, numbers) for name in used), body])


def _reference(name: str, parts: ScriptParts, numbers: Mapping[str, int]) -> str:
    match parts.kinds[name]:
        case "text" | "switch":
            return f'"${{{numbers[name]}}}"'
        case "pairs":
            return f"\"${{{numbers[name]}//$'\\x1e'/ }}\""
        case "folder":
            return f"{parts.input_dir}/{name}"
        case _:
            return f"{parts.input_dir}/{name}/*"


def _flag(name: str, parts: ScriptParts, numbers: Mapping[str, int]) -> str:
    """Give the lines that make the array `FLAG_name`, empty where there is no value."""
    spec = parts.flags[name]
    array, flag = f"FLAG_{name}", _quoted(spec.flag)
    number = numbers.get(name)
    match parts.kinds[name]:
        case "text":
            return f'{array}=(); if [ -n "${{{number}}}" ]; then {array}=({flag} "${{{number}}}"); fi'
        case "switch":
            return f'{array}=(); if [ "${{{number}}}" = true ]; then {array}=({flag}); fi'
        case "pairs":
            item = '"${_p[_i]}=${_p[_i+1]}"' if spec.dict_mode == "equals" else '"${_p[_i]}" "${_p[_i+1]}"'
            return (
                f"{array}=(); _p=(); if [ -n \"${{{number}}}\" ]; then IFS=$'\\x1e' read -r -d '' -a _p "
                f"< <(printf '%s\\x1e\\0' \"${{{number}}}\"); fi; "
                f"for ((_i = 0; _i < ${{#_p[@]}}; _i += 2)); do {array}+=({flag}{item}); done"
            )
        case "folder":
            return f"{array}=({flag} {parts.input_dir}/{name})"
        case _:
            return f"{array}=(); shopt -s nullglob; _f=({parts.input_dir}/{name}/*); shopt -u nullglob; " + _files(
                array, flag, spec
            )


def _files(array: str, flag: str, spec: FlagSpec) -> str:
    if spec.list_mode == "repeat":
        return f'for _x in "${{_f[@]}}"; do {array}+=({flag} "$_x"); done'
    separator = "," if spec.list_mode == "comma" else spec.separator
    if separator == " ":
        return f'if [ ${{#_f[@]}} -gt 0 ]; then {array}=({flag} "${{_f[@]}}"); fi'
    joined = f'_j=$(printf "%s{_for_printf(separator)}" "${{_f[@]}}"); _j="${{_j%{_quoted(separator)}}}"'
    return f'if [ ${{#_f[@]}} -gt 0 ]; then {joined}; {array}=({flag} "$_j"); fi'


def _for_printf(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if text else ""
