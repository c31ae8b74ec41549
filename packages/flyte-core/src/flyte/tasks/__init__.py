"""What an author writes: environments and tasks. Knows how tasks are declared and called, not how they are run."""

from flyte.tasks.environment import Environment, TaskEnvironment
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate

__all__ = ["AsyncFunctionTaskTemplate", "Environment", "TaskEnvironment", "TaskTemplate"]
