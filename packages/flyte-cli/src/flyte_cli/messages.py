"""How an error reads on the terminal: one `error:` line, indented details, `hint:` lines; colours only on a terminal."""

from collections.abc import Iterable

_RED = "\x1b[1;31m"
_CYAN = "\x1b[36m"
_DIM = "\x1b[2m"
_RESET = "\x1b[0m"


def error_text(message: str, *, colour: bool) -> str:
    """Return `message` as an error; its lines that begin with `hint:` are set apart."""
    first, *rest = message.rstrip("\n").split("\n")
    lines = [f"{_paint('error:', _RED, colour=colour)} {first}"]
    for line in rest:
        if line.startswith("hint:"):
            lines.append(f"{_paint('hint:', _CYAN, colour=colour)}{line[5:]}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is most likely a misspelling of, if there is one."""
    import difflib  # noqa: PLC0415 - only once something is misspelt

    # Below this, short words are likened to anything.
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.65)), None)


def dim(text: str, *, colour: bool) -> str:
    """Return text of less weight."""
    return _paint(text, _DIM, colour=colour)


def _paint(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour else text
