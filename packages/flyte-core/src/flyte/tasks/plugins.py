"""Which class of task a plugin's configuration stands for."""

from typing import Any, TypeVar

from flyte.tasks.template import AsyncFunctionTaskTemplate

__all__ = ["TaskPluginRegistry"]

_T = TypeVar("_T", bound=AsyncFunctionTaskTemplate[..., Any])


class TaskPluginRegistry:
    """The classes of tasks by the class of their `plugin_config`; what a plugin registers itself with."""

    _plugins: dict[type, type[AsyncFunctionTaskTemplate[..., Any]]] = {}  # noqa: RUF012 - one for the process

    @classmethod
    def register(cls, config_type: type, plugin: type[_T]) -> type[_T]:
        """Make `env.task` build a `plugin` wherever the environment's `plugin_config` is a `config_type`.

        Returns:
            The plugin.
        """
        cls._plugins[config_type] = plugin
        return plugin

    @classmethod
    def find(cls, config_type: type) -> type[AsyncFunctionTaskTemplate[..., Any]] | None:
        """Give the class of task for a class of configuration, or `None` if none is registered."""
        return cls._plugins.get(config_type)
