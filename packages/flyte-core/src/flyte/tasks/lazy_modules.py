"""Modules that are imported when something in them is first used."""

import importlib.util
import sys
from types import ModuleType

__all__ = ["lazy_module"]


def lazy_module(fullname: str) -> ModuleType:
    """Give a module that is imported at the first use of one of its names.

    Args:
        fullname: The dotted name of the module. What is loaded already is given as it is.

    Returns:
        The module; one that is not installed is an empty module that says so when it is used.
    """
    if fullname in sys.modules:
        return sys.modules[fullname]
    try:
        spec = importlib.util.find_spec(fullname)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.loader is None:
        return _Missing(fullname)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[fullname] = module
    spec.loader.exec_module(module)
    return module


class _Missing(ModuleType):
    """Stands for a module that is not installed."""

    def __getattribute__(self, name: str) -> object:
        if name.startswith("__"):
            return super().__getattribute__(name)
        module = super().__getattribute__("__name__")
        raise ImportError(f"`{module}.{name}` was used, and the module `{module}` is not installed", name=str(module))
