"""The exit codes of `flyte`; `docs/cli.md` explains them to users."""

OK = 0
RUN_FAILED = 1
"""The run was carried out and its root action did not succeed; or what was to be aborted is over already."""
USAGE = 2
"""The command line, an input or a path is wrong, or a name that it says is not there (`errors.names_nothing`)."""
CODE_NOT_LOADED = 3
"""The user's file could not be imported, or what it declares cannot be registered."""
CONFIGURATION = 4
"""The configuration cannot be used."""
CONTROL_PLANE = 5
"""The control plane cannot be reached, or refuses what it is asked."""
INTERNAL = 70
"""A bug of ours (`EX_SOFTWARE`)."""
INTERRUPTED = 130
"""Ctrl-c (128 + SIGINT)."""
