"""What is registered of a task's documentation: its docstring, and a link to its source at the commit that is checked out."""

import linecache
from typing import Any

from flyte.git import GitStatus
from flyte.registration.plan import cut
from flyte.tasks.template import TaskTemplate
from flyte_models.values import value

__all__ = ["DocumentationPlan", "documentation_of"]

_SHORT_LIMIT = 255
_LONG_LIMIT = 2048
_MOST_DECORATOR_LINES = 100


@value
class DocumentationPlan:
    """The first line and the text below it, cut to what is stored, and a link."""

    short: str = ""
    long: str = ""
    link: str = ""


def documentation_of(task: TaskTemplate[..., Any], repository: GitStatus | None = None) -> DocumentationPlan:
    """Read the docstring of a task and find its source in the repository, if it stands in one that is known.

    Args:
        task: The task.
        repository: What is checked out; git is asked if it is not given, which takes longer than all else.
    """
    docstring = task.interface.docstring
    return DocumentationPlan(
        short=cut((docstring.short_description if docstring else None) or "", _SHORT_LIMIT),
        long=cut((docstring.long_description if docstring else None) or "", _LONG_LIMIT),
        link=_source_link(task, repository),
    )


def _source_link(task: TaskTemplate[..., Any], repository: GitStatus | None) -> str:
    code: Any = getattr(getattr(task, "func", None), "__code__", None)
    if code is None:
        return ""
    status = repository or GitStatus.from_current_repo()
    return status.build_url(code.co_filename, _line_of_def(code.co_filename, code.co_firstlineno))


def _line_of_def(file: str, first: int) -> int:
    """Give the line of the `def`: code begins with its first decorator."""
    for number in range(first, first + _MOST_DECORATOR_LINES):
        if linecache.getline(file, number).lstrip().startswith(("def ", "async def ")):
            return number
    return first
