"""Parameters of the public functions, classes and methods: run under PyPI flyte to record them, and under ours to compare.

`python tests/contract/names/signatures.py RECORD.json`, in the environment of PyPI flyte 2.12.1, records.
"""

import enum
import inspect
import tomllib
from importlib import import_module
from pathlib import Path

NAMES = Path(__file__).with_name("public_names.toml")
METHODS = {
    "flyte": ["Image", "TaskEnvironment", "Environment", "Cache", "Backoff", "Trigger", "PodTemplate", "TaskTemplate"],
    "flyte.report": ["Report", "Timeline"],
    "flyte.extras": ["DynamicBatcher", "TokenBatcher", "ContainerTask"],
    "flyte.io": ["File", "Dir", "DataFrame"],
    "flyte.artifacts": ["Metadata", "Card"],
    "flyte.config": ["Config"],
    "flyte.git": ["GitStatus"],
    "flyte.prefetch": ["VLLMShardArgs"],
}


def shown(default):
    """Give a default as text that is the same on both sides; what only is some object is `...`."""
    if default is inspect.Parameter.empty:
        return None
    if isinstance(default, enum.Enum):
        return default.name
    if default is None or isinstance(default, (bool, int, float, str)):
        return repr(default)
    if isinstance(default, (list, tuple, dict, frozenset)) and not default:
        return "empty"
    return "..."


def parameters(found):
    """Give name, kind and default of each parameter; None where there is no signature."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return None
    return [
        [name, parameter.kind.name, shown(parameter.default)]
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]


def signatures():
    """Give the parameters of everything public that can be called, by its dotted name."""
    made = {}
    for module, names in tomllib.loads(NAMES.read_text())["names"].items():
        if module == "flyte.remote":
            continue
        loaded = import_module(module)
        for name in names:
            found = getattr(loaded, name, None)
            if not callable(found) or getattr(found, "_is_protocol", False):
                continue
            made[f"{module}.{name}"] = parameters(found)
            if name in METHODS.get(module, []):
                for method in sorted(vars(found)) if isinstance(found, type) else []:
                    item = getattr(found, method)
                    if not method.startswith("_") and callable(item):
                        made[f"{module}.{name}.{method}"] = parameters(item)
    return made


if __name__ == "__main__":
    import json
    import sys

    lines = [
        f" {json.dumps(name)}: {json.dumps(found)}" for name, found in sorted(signatures().items()) if found is not None
    ]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
