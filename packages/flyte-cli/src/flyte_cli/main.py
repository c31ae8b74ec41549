"""The console script. Answers `--version` and `--help` by itself, so that they cost no more than Python does."""

import gc
import os
import sys

_INTERRUPTED = 130
"""`exit_codes.INTERRUPTED`, which is not loaded yet."""


def main() -> None:
    """Run the `flyte` command and exit with its code."""
    _open_closed_streams()
    arguments = sys.argv[1:]
    if "_FLYTE_COMPLETE" in os.environ:
        # The shell asks what it may complete; click answers and exits.
        from flyte_cli.app import root  # noqa: PLC0415

        root.main([], prog_name="flyte")
    if arguments == ["--version"]:
        from flyte_cli.help_pages import write_page  # noqa: PLC0415
        from flyte_models.version import __version__  # noqa: PLC0415

        write_page(f"flyte {__version__}\n")
        return
    if not arguments or arguments == ["--help"]:
        from flyte_cli.help_pages import print_root_page  # noqa: PLC0415

        print_root_page()
        return
    if arguments[-1] == "--help":
        from flyte_cli.help_pages import print_page  # noqa: PLC0415

        if print_page(arguments[:-1]):
            return
    # Importing makes hardly any garbage, and looking for it takes a tenth of a short run. `app` switches it on again.
    gc.disable()
    try:
        from flyte_cli.app import run_command_line  # noqa: PLC0415

        exit_code = run_command_line(arguments)
    except KeyboardInterrupt:
        # While the command was loaded, or a second one before the first could be told.
        os.write(2, b"error: interrupted\n")
        os._exit(_INTERRUPTED)
    sys.exit(exit_code)


def _open_closed_streams() -> None:
    """Give the process the standard streams that its caller has closed (`flyte ... >&-`).

    Nobody has to ask whether there is one, and no file that is opened later takes the number of one, to be written to by
    everything that prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - loads nothing, and stays open


if __name__ == "__main__":
    main()
