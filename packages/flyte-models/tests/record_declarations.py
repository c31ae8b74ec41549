"""Record what PyPI flyte 2.12.1 makes of the declarations, as `declarations-2.12.1.json` beside this file.

Run it with the interpreter of an environment that has `flyte==2.12.1` and `kubernetes`:
`python packages/flyte-models/tests/record_declarations.py`.
"""

import dataclasses
import inspect
import json
import logging
import sys
import typing
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import declaration_cases as declared  # noqa: E402


def parameters_of(function):
    return [
        [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
    ]


def names_of_reference():
    import flyte
    import flyte.artifacts
    import flyte.notify
    from flyte._cache.cache import VersionParameters
    from flyte._resources import Accelerators
    from flyte.models import ActionPhase

    names = {name: getattr(flyte, name) for name in flyte.__all__}
    for module in (flyte.notify, flyte.artifacts):
        names |= {name: getattr(module, name) for name in module.__all__}
    names |= {"Accelerators": Accelerators, "ActionPhase": ActionPhase, "VersionParameters": VersionParameters}
    return names | declared.STANDARD | declared.OWN


def shape_of_class(each):
    row = {
        "parameters": parameters_of(each),
        "fields": [[f.name, f.init, f.repr, f.compare, f.kw_only] for f in dataclasses.fields(each)],
        "frozen": each.__dataclass_params__.frozen,
        "methods": {},
        "properties": [],
    }
    for name in dir(each):
        found = inspect.getattr_static(each, name)
        if name.startswith("_"):
            continue
        if isinstance(found, property):
            row["properties"].append(name)
        elif inspect.isfunction(found) or isinstance(found, classmethod):
            row["methods"][name] = parameters_of(getattr(each, name))
    return row


def literals_of(alias):
    return list(typing.get_args(alias))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    names = names_of_reference()
    singletons = {name: names[name] for name in ("TriggerTime", "TriggeredArtifact")}
    pods = names | declared.names_of_kubernetes()
    recorded = {
        "classes": {name: shape_of_class(names[name]) for name in declared.CLASSES},
        "functions": {name: parameters_of(names[name]) for name in declared.FUNCTIONS},
        "aliases": {name: literals_of(names[name]) for name in declared.ALIASES},
        "protocols": {name: parameters_of(getattr(names[name], method)) for name, method in declared.PROTOCOLS.items()},
        "constants": {name: names[name] for name in ("KIND_KEY", "MAX_PARENTS")},
        "cases": {each: declared.outcome(each, names, singletons) for each in declared.CASES},
        "pod_cases": {each: declared.outcome(each, pods, singletons) for each in declared.POD_CASES},
    }
    lines = [f"{json.dumps(key)}: {json.dumps(recorded[key], ensure_ascii=False)}" for key in recorded]
    text = "{" + ",\n".join(lines) + "}\n"
    text = text.replace('}, "', '},\n"')
    (HERE / "declarations-2.12.1.json").write_text(text, encoding="utf-8")
    print(len(recorded["cases"]), "cases,", len(recorded["pod_cases"]), "of pods")
