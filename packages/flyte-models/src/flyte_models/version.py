"""The version of all our distributions, which release together. A test holds it equal to every `pyproject.toml`."""

__version__ = "0.1.0"


def version() -> str:
    """Return the version of the SDK."""
    return __version__
