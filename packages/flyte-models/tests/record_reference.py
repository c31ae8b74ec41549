"""Record what PyPI flyte 2.12.1 answers, as `reference-2.12.1.json` beside this file.

Run it with the interpreter of an environment that has `flyte==2.12.1`:
`python packages/flyte-models/tests/record_reference.py`.
"""

import inspect
import itertools
import json
import random
import sys
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

WORDS = [
    "a0",
    "",
    "th",
    "ih",
    "ü",
    "日本",
    "x-y",
    "a" * 300,
    "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
    "with space",
    "-",
]


def record_names():
    from flyte.models import ActionID

    random.seed(20261123)
    rows = [(1, "th", "ih", None), (0, "", "", None), (12, "th", "", ""), (7, "th", "ih", "g")]
    for _ in range(200):
        group = random.choice([None, "", *WORDS])
        rows.append((random.randrange(100_000), random.choice(WORDS), random.choice(WORDS), group))
    parents = itertools.cycle(["a0", "85hvno29yql9omdo61m0c0hjo", "ünï"])
    return [
        {"parent": parent, "arguments": row, "name": ActionID(name=parent).new_sub_action_from(*row).name}
        for parent, row in zip(parents, rows)
    ]


def record_ids():
    from flyte.models import ActionID

    rows = [
        {"name": "a0", "run_name": "r1", "project": "p", "domain": "d", "org": "o"},
        {"name": "x"},
        {"name": "x", "run_name": ""},
        {"name": "x", "project": "", "domain": "d"},
        {"name": 'a"b'},
    ]
    salts = [None, "", "s"]
    return [
        {"fields": row, "repr": repr(ActionID(**row)), "unique": [[s, ActionID(**row).unique_id_str(s)] for s in salts]}
        for row in rows
    ]


def record_digests():
    from flyteidl2.core import tasks_pb2
    from flyteidl2.task import common_pb2

    from flyte._internal.runtime import convert

    rows = []
    for name, version, variables in [("env.f", "v1", 0), ("env.f", "", 2), ("ü.g", "3f" * 32, 1)]:
        template = tasks_pb2.TaskTemplate()
        template.id.name, template.metadata.discovery_version = name, version
        template.interface.SetInParent()
        for index in range(variables):
            template.interface.inputs.variables.add(key=f"x{index}").value.type.simple = 1
        inputs = common_pb2.Inputs()
        for index in range(variables):
            inputs.literals.add(name=f"x{index}").value.scalar.primitive.integer = index
        inputs_hash = convert.generate_inputs_hash_from_proto(inputs)
        rows.append(
            {
                "task_name": name,
                "version": version,
                "interface_bytes": template.interface.SerializeToString(deterministic=True).hex(),
                "interface_hash": convert.generate_interface_hash(template.interface),
                "identity": convert.generate_task_identity_hash(template),
                "inputs": [
                    [each.name, each.value.SerializeToString(deterministic=True).hex()] for each in inputs.literals
                ],
                "inputs_hash": inputs_hash,
                "cache_key": convert.generate_cache_key_hash(
                    name, inputs_hash, template.interface, version, [], inputs
                ),
            }
        )
    return {"hash_data": [[word, convert.hash_data(word)] for word in WORDS], "tasks": rows}


def record_delays():
    from flyte import Backoff

    rows = [
        {"base": 1.0, "factor": 1.0, "cap": None},
        {"base": 0.0, "factor": 2.0, "cap": 5.0},
        {"base": 1.0, "factor": 2.0, "cap": 5.0},
        {"base": 10.0, "factor": 2.0, "cap": 5.0},
        {"base": 0.1, "factor": 1.3, "cap": 2.0},
        {"base": 1.0, "factor": 1.0, "cap": 0.0},
    ]
    answers = []
    for row in rows:
        cap = None if row["cap"] is None else timedelta(seconds=row["cap"])
        backoff = Backoff(timedelta(seconds=row["base"]), factor=row["factor"], cap=cap)
        delays = [backoff.compute_delay(n) / timedelta(microseconds=1) for n in (*range(16), 60)]
        answers.append({**row, "microseconds": delays})
    return answers


ARGUMENTS = {
    "message": "MSG", "code": "CODE", "kind": "user", "root_cause_message": "MSG",
    "package_name": "PKG", "original_error": "ORIG", "var": "VAR", "e": "boom",
}  # fmt: skip


def record_errors():
    from flyte import errors

    rows = {}
    for name, error in vars(errors).items():
        if name.startswith("_") or not (inspect.isclass(error) and issubclass(error, BaseException)):
            continue
        row = {
            "bases": [c.__name__ for c in error.__mro__[1:] if c is not object],
            "parameters": None,
            "attributes": {},
        }
        if any("__init__" in vars(c) for c in error.__mro__ if c.__module__ == errors.__name__):
            parameters = list(inspect.signature(error).parameters.values())
            row["parameters"] = [
                [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters
            ]
            required = [p for p in parameters if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
            row["attributes"] = vars(error(*[ARGUMENTS[p.name] for p in required]))
        for constant in ("CODE", "code_name", "recoverable"):
            if hasattr(error, constant):
                row.setdefault("constants", {})[constant] = getattr(error, constant)
        rows[name] = row
    others = sorted(n for n in vars(errors) if not n.startswith("_") and n not in rows and n != "Literal")
    return {
        "classes": rows,
        "others": others,
        "gpu_fault_codes": list(errors.GPU_FAULT_CODES),
        "apple_silicon": {code: error.__name__ for code, error in errors.APPLE_SILICON_ERRORS_BY_CODE.items()},
    }


def record_docstrings():
    from docstring_samples import SAMPLES

    from flyte.models import Docstring

    names = ("short_description", "long_description", "input_descriptions", "output_descriptions")
    return [
        {"style": style, "text": text, **{name: getattr(Docstring(docstring=text), name) for name in names}}
        for style, text in SAMPLES.items()
    ]


def record_phases():
    from flyte.models import ActionPhase

    return [[p.name, p.value, p.is_terminal, p.to_protobuf_name(), p.to_protobuf_value()] for p in ActionPhase]


def record_models():
    from flyte import Backoff, RetryStrategy, Timeout, models

    others = {"Backoff": Backoff, "RetryStrategy": RetryStrategy, "Timeout": Timeout}
    classes = {n: c for n, c in vars(models).items() if inspect.isclass(c) and c.__module__.startswith("flyte.")}
    rows = {}
    for name, each in (classes | others).items():
        if name.startswith("_") or name == "ActionPhase":
            continue
        parameters = inspect.signature(each).parameters.values()
        rows[name] = {
            "parameters": [
                [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters
            ],
            "attributes": [attribute for attribute in dir(each) if not attribute.startswith("_")],
        }
        for attribute in rows[name]["attributes"]:
            value = getattr(each, attribute)
            if inspect.isfunction(value) or inspect.ismethod(value):
                rows[name].setdefault("methods", {})[attribute] = list(inspect.signature(value).parameters)
    return rows


if __name__ == "__main__":
    recorded = {
        "names": record_names(),
        "ids": record_ids(),
        "digests": record_digests(),
        "delays": record_delays(),
        "errors": record_errors(),
        "docstrings": record_docstrings(),
        "phases": record_phases(),
        "models": record_models(),
    }
    text = json.dumps(recorded, indent=None, ensure_ascii=False).replace("}, {", "},\n{")
    (HERE / "reference-2.12.1.json").write_text(text + "\n", encoding="utf-8")
