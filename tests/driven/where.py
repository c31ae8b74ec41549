"""What is not driven against a devbox, and why: `flyte COMMAND`, `flyte COMMAND --option`, or `* --option` of any command."""

SHARED = {"--output-format", "--auth-type", "--in-phase", "--copy-style", "--builder"}
"""Options that are one and the same in all commands that have them: each of their values counts wherever it is given."""

HERE = {
    "flyte --reset-root-logger": "of logs in this process",
    "flyte --profile": "which part of a file is read",
    "flyte start": "of the process of the devbox, and no call to it",
    "flyte start devbox": "as above",
    "flyte stop": "as above",
    "flyte stop devbox": "as above",
    "flyte status": "as above",
    "flyte status devbox": "as above",
    "flyte get devbox": "as above",
    "flyte delete devbox": "as above",
    "flyte create config": "writes a file",
    "flyte get config": "reads a file",
    "flyte gen": "prints pages",
    "flyte gen docs": "prints pages",
    "flyte completion": "prints a script",
    "flyte run hello": "runs in this process",
    "flyte run --tui": "shows a run in this process",
    "flyte run --resume": "continues a run of the history of this machine",
    "flyte why": "of the history of this machine",
    "flyte delete run": "of the history of this machine",
    "flyte delete local-cache": "of the history of this machine",
    "* --local": "of the history of this machine",
    "* --builder": "what builds images: nothing is built yet",
    "* --auth-type": "a devbox asks nobody to sign in: `tests/sign_in` has servers that do",
}
"""Has nothing to ask a control plane."""

NOT_NOTED = {
    "flyte --version": "answered before anything is parsed: `tests/cli/test_main_job.py`",
}
"""Left out: no process parses it."""

FAILS = {
    "flyte replay --pdb": 1,
}
"""The exit code of what is driven only where something fails."""

OTHER_SERVER = {
    "flyte get app": "a devbox runs no apps: `tests/embedded/app_server.py` is a server of them",
    "flyte update app": "as above",
    "flyte delete app": "as above",
    "flyte proxy": "as above: `tests/sign_in/test_app_proxy.py`",
    "flyte proxy app": "as above",
}
"""Driven against a server of the tests."""

REFUSED = {
    "flyte build": "not built yet",
    "flyte serve": "not built yet",
    "flyte run python-script --packages": "needs an image to be built",
    "flyte run python-script --plugin-config": "asks for several machines",
    "flyte run python-script --clustered": "as above",
    "flyte run python-script --replicas": "as above",
    "flyte run python-script --nproc-per-node": "as above",
    "flyte run python-script --rdzv-backend": "as above",
    "flyte run python-script --torchrun-max-restarts": "as above",
    "flyte run python-script --cluster-max-restarts": "as above",
    "flyte run python-script --restart-on-host-maintenance": "as above",
    "flyte run python-script --ttl-seconds-after-finished": "as above",
    "flyte get code --local": "runs of this machine keep no code",
    "flyte get app --devbox": "a devbox runs no apps",
    "flyte update app --devbox": "as above",
    "flyte delete app --devbox": "as above",
    "flyte proxy app --devbox": "as above",
}
"""Refused everywhere, with a reason that a test looks at."""
