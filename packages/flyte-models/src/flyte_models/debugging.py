"""Debug mode: how a run asks for an editor in the container of its root action, and where that is. Contracts with PyPI flyte."""

__all__ = ["DEBUG_ACTION", "DEBUG_PORT", "DEBUG_VARIABLE", "EDITOR_VARIABLE", "SSH_VARIABLE", "is_asked_for"]

DEBUG_VARIABLE = "_F_E_VS"
"""The environment variable of a run that asks for it."""
SSH_VARIABLE = "_F_E_SSH"
"""That of a run which asks for a shell over SSH instead."""
EDITOR_VARIABLE = "FLYTE_DEVBOX_EDITOR"
"""Tells an attempt on a devbox where to write how its editor is reached: a JSON object with `port` and `password`."""
DEBUG_PORT = 6060
"""Where the editor listens inside a container."""
DEBUG_ACTION = "a0"
"""The only action that is not run but given an editor; those that it calls run as always."""

_NO = frozenset({"", "0", "false", "no", "off", "f", "n"})


def is_asked_for(text: str | None) -> bool:
    """Tell whether the content of the variable asks for an editor; None when it is not there."""
    return text is not None and text.strip().lower() not in _NO
