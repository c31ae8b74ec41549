"""The table of commands: group heading, name, one line of help, and the place that is loaded when the command is used."""

COMMANDS = (
    ("Run", "run", "Run a task of a Python file", "flyte_cli.run"),
    ("Run", "rerun", "Run again what a run of a control plane has run", "flyte_cli.rerun"),
    ("Run", "deploy", "Register the tasks of a Python file at a control plane", "flyte_cli.deploy"),
    ("Run", "build", "Build the images of environments (not built yet)", "flyte_cli.not_built:build"),
    ("Run", "serve", "Serve an app (not built yet)", "flyte_cli.not_built:serve"),
    ("Run", "signal", "Answer what a run is waiting for", "flyte_cli.signal_condition"),
    ("Run", "abort", "Abort a run or an action on a control plane", "flyte_cli.abort"),
    ("Look", "get", "Show runs, their actions, logs, inputs and outputs", "flyte_cli.get"),
    ("Look", "watch", "Show a run while it goes on", "flyte_cli.watch"),
    ("Look", "diff", "Tell how two runs differ: inputs, code, actions, outputs", "flyte_cli.diff"),
    ("Look", "replay", "Run one action again, here, with the inputs it had", "flyte_cli.replay"),
    ("Look", "why", "Tell which input, line or setting made the cache miss", "flyte_cli.why"),
    ("Look", "delete", "Delete runs, cached results, secrets or triggers", "flyte_cli.delete"),
    ("Look", "whoami", "Show which user the control plane takes you for", "flyte_cli.whoami"),
    ("Devbox", "start", "Start the devbox: a control plane on this machine", "flyte_cli.devbox:start"),
    ("Devbox", "stop", "Stop the devbox", "flyte_cli.devbox:stop"),
    ("Devbox", "status", "Tell whether the devbox runs, and where", "flyte_cli.devbox:status"),
    ("Set up", "create", "Make a configuration file, a project, a secret or a trigger", "flyte_cli.create"),
    ("Set up", "config", "Check endpoint, sign-in, project and store", "flyte_cli.config_check"),
    ("Set up", "update", "Change a project or a trigger", "flyte_cli.update"),
    ("Set up", "edit", "Change settings of an organisation, a domain or a project", "flyte_cli.settings:edit"),
    ("Set up", "prefetch", "Copy a model of Hugging Face into storage", "flyte_cli.prefetch"),
    ("Set up", "proxy", "Forward a port of this machine to an app", "flyte_cli.proxy"),
    ("Set up", "gen", "Print a reference of all commands", "flyte_cli.gen_docs"),
    ("Set up", "completion", "Let bash, zsh or fish complete this command", "flyte_cli.completion"),
)
"""Heading, name, help and place of each command: a module, and after a colon what it is called there if not `command`.

Data only: the root help is drawn from it without loading anything else.
"""

OPTIONS = (
    ("-c, --config PATH", "Use this configuration file"),
    ("--profile NAME", "Use this profile of it; so does FLYTE_PROFILE"),
    ("-v, --verbose", "Show the frames of flyte and of Python in tracebacks"),
    ("-of, --output-format", "Print table, table-simple, json, json-raw (one line) or yaml"),
    ("--no-progress", "Print no progress while a run is going on"),
    ("--endpoint ADDRESS", "Control plane, in place of the configured one"),
    ("--insecure", "Talk to it without TLS"),
    ("--auth-type TYPE", "How to sign in: pkce, device-flow, client-secret or external-command"),
    ("--image-builder NAME", "What builds images: local, local-podman or remote"),
    ("--org ORG", "Organisation of runs"),
    ("--log-format FORMAT", "Log as text (console) or json"),
    ("--user-log-level LEVEL", "From which level on `flyte.logger` writes: debug, info, warning, error, critical"),
    ("--reset-root-logger", "Let all other libraries log as flyte does"),
    ("--version", "Show the version and exit"),
    ("--help", "Show this page and exit"),
)
"""The options of the root command, as the root help shows them."""

SUMMARY = "Write typed tasks in Python and run them."

EPILOG = (
    "`flyte COMMAND --help` explains a command. Exit codes: 0 ok, 1 the run failed, 2 usage, 3 code that does not load, \
4 configuration, 5 the control plane, 130 interrupted."
)
