"""What can be wrong with a configuration."""

from pathlib import Path


class ConfigError(ValueError):
    """A configuration file or variable that cannot be used.

    The text names the file or variable, the value, and what to do.
    """

    def __init__(self, message: str, *, source: Path | str, hint: str) -> None:
        """Say what is wrong (`message`) with which file or variable (`source`) and what to do about it (`hint`)."""
        self.source = source
        self.hint = hint
        super().__init__(f"{message}\nhint: {hint}")
