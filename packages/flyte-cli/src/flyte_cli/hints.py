"""What stands in more than one hint."""

from flyte.initialization import settings

__all__ = ["local_option"]


def local_option() -> str:
    """Return what a command about a run of this machine needs where a control plane is configured: ` --local`, else nothing."""
    return " --local" if settings().endpoint else ""
