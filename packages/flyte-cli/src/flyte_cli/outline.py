"""Tasks and environments of a Python file as its text shows them, without importing it: completions must not run code."""

import ast
from pathlib import Path
from typing import NamedTuple

import click

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TaskOutline(NamedTuple):
    """A task as its source shows it."""

    name: str
    summary: str
    inputs: tuple[tuple[str, bool], ...]
    """Name of each input, and whether it is a flag."""


def outline(path: Path) -> list[TaskOutline]:
    """Return the functions under `@<something>.task`, in their order; nothing for a file that cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        _task(node) for node in tree.body if isinstance(node, _Function) and any(map(_is_task, node.decorator_list))
    ]


def environments_of(path: Path) -> list[str]:
    """Return the variables that hold environments, in their order; nothing for a file that cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    found: list[str] = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_environment(node.value):
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def _makes_environment(value: ast.expr | None) -> bool:
    """Tell whether an expression is `flyte.TaskEnvironment(...)`, one of its other makers, or a copy of one."""
    if not isinstance(value, ast.Call):
        return False
    called = ast.unparse(value.func)
    return any(part.endswith("Environment") for part in called.split(".")) or called.endswith(".clone_with")


def outline_group(path: Path, name: str) -> click.Group:
    """Make a group of commands with the names and options of the tasks, which run nothing."""
    commands: dict[str, click.Command] = {
        task.name: click.Command(task.name, help=task.summary, params=[_option(*each) for each in task.inputs])
        for task in outline(path)
    }
    return click.Group(name, commands=commands)


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr == "task"


def _task(node: _Function) -> TaskOutline:
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    inputs = tuple(
        (each.arg, isinstance(each.annotation, ast.Name) and each.annotation.id == "bool") for each in parameters
    )
    summary = (ast.get_docstring(node) or "").partition("\n")[0]
    return TaskOutline(node.name, summary, inputs)


def _option(name: str, is_flag: bool) -> click.Option:
    return click.Option([f"--{name}/--no-{name}" if is_flag else f"--{name}", name])
