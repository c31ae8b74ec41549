"""PyPI `flyte` 2.12.1 in an environment of its own. It is run, never imported here, and never enters our environment."""

from pathlib import Path

from bench.harness.environment import Side, cached_environment, python_tag, with_packages

VERSION = "2.12.1"


def reference_side(*, cache: Path | None = None) -> Side:
    """Return the reference, installing it the first time (about half a minute; later calls find it in the cache)."""
    python = cached_environment(
        f"reference-{VERSION}-{python_tag()}", with_packages([f"flyte=={VERSION}"]), cache=cache
    )
    return Side("reference", python, f"PyPI flyte {VERSION}")
