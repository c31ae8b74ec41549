"""Pieces of HTML that the pages share. Pure; everything that is not ours is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, urlencode, urlsplit

from flyte_devbox import rows
from flyte_devbox.services.conditions import phase_name
from flyte_devbox.services.project import DOMAINS
from flyte_models.phases import ActionPhase

__all__ = [
    "action_button",
    "copy_button",
    "document",
    "duration",
    "facts",
    "filter_form",
    "message_page",
    "options",
    "page_link",
    "phase",
    "scope_choice",
    "scope_path",
    "stranger_page",
    "table",
    "time_of",
]

PHASES = tuple(ActionPhase)
_PARTS = (("Runs", "/"), ("Tasks", "/tasks"), ("Triggers", "/triggers"))


def document(title: str, body: str, *, script: str = "", here: str = "", scope: str = "") -> str:
    """Return a whole page.

    Args:
        title: its name in the browser.
        body: what is in it, as HTML.
        script: its module among the static files.
        here: the part of the console that it belongs to: `runs`, `tasks` or `triggers`.
        scope: the project and domain that it is about, which the other parts are then about as well.
    """
    tag = f'<script type="module" src="/static/{script}"></script>' if script else ""
    query = f"?{escape(urlencode({'scope': scope}))}" if scope else ""
    links = "".join(
        f'<a href="{path}{query}"{" aria-current=page" if here == name.lower() else ""}>{name}</a>'
        for name, path in _PARTS
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)} - Flyte devbox</title><link rel="stylesheet" href="/static/console.css">'
        f'<link rel="icon" href="data:,"><script src="/static/theme.js"></script>{tag}</head><body>'
        '<a class="skip" href="#content">Skip to the content</a>'
        f'<header><b>Flyte devbox</b><nav aria-label="Parts">{links}</nav><span id="live" role="status"></span>'
        '<button id="theme" type="button" hidden>Dark</button></header>'
        f"{body}</body></html>"
    )


def message_page(title: str, message: str) -> str:
    """Return a page that says one thing; lines of the message that begin with `hint:` say what to do."""
    said = "".join(f"<p>{_marked(line)}</p>" for line in message.splitlines() if line)
    return document(
        title,
        f'<main id="content"><section class="empty"><h1>{escape(title)}</h1>{said}'
        '<p><a href="/">All runs</a></p></section></main>',
    )


def _marked(line: str) -> str:
    """Escape a line of a message; what stands between grave accents is code."""
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return escape(line)
    return "".join(f"<code>{escape(part)}</code>" if place % 2 else escape(part) for place, part in enumerate(parts))


def stranger_page() -> str:
    """Return what somebody without the token sees."""
    return message_page(
        "Who are you?",
        "This devbox does not know your browser.\nhint: `flyte status devbox` prints a link that it will know it by",
    )


def phase(number: int) -> str:
    """Return a phase as a word in its colour."""
    name = phase_name(number).lower()
    return f'<b class="phase {name}">{name.replace("_", " ")}</b>'


def time_of(seconds: float | None) -> str:
    """Return a time, in UTC; the scripts add how long ago that is."""
    if seconds is None:
        return ""
    stamp = rows.timestamp(seconds).ToJsonString()[:19] + "Z"
    return f'<time datetime="{stamp}">{stamp.replace("T", " ")}</time>'


def duration(begin: float, end: float | None, now: float) -> str:
    """Return how long something took, or has been going on, which the scripts keep true."""
    if end is None:
        return f'<span data-since="{begin:.3f}">{_span(now - begin)}</span>'
    return _span(end - begin)


def _span(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        heads: what the columns are called; a narrow window shows them beside the cells.
        lines: the cells of its rows, as HTML.
    """
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{_cells(heads, line)}</tr>" for line in lines)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(heads: Sequence[str], line: Sequence[str]) -> str:
    return "".join(f'<td data-head="{head}">{text}</td>' for head, text in zip(heads, line, strict=True))


def scope_choice(projects: Iterable[str], chosen: str) -> str:
    """Return the selection of a project and domain, the same on all pages that are filtered by them."""
    scopes = [("", "All projects")]
    for project in projects:
        scopes += [(project, project), *((f"{project}/{domain}", f"{project}/{domain}") for domain in DOMAINS)]
    if chosen not in dict(scopes):
        scopes.append((chosen, chosen))
    return f'<select name="scope" aria-label="Project and domain">{options(scopes, chosen)}</select>'


def filter_form(path: str, what: str, q: str, *fields: str) -> str:
    """Return the form that filters a list.

    Args:
        path: of the list.
        what: it lists.
        q: the text that is searched for.
        fields: its other fields, as HTML.
    """
    return (
        f'<form id="filters" class="filters" method="get" action="{path}" role="search" aria-label="{what}" autocomplete="off">'
        f'<input type="search" name="q" value="{escape(q)}" placeholder="Search ( / )" aria-label="Search {what.lower()}">'
        f'{"".join(fields)}<button>Filter</button><a href="{path}">Clear</a></form>'
    )


def options(values: Iterable[tuple[str, str]], chosen: str) -> str:
    """Return the options of a selection: values and what they are called."""
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(label)}</option>'
        for value, label in values
    )


def scope_path(project: str, domain: str, kind: str, *names: str) -> str:
    """Return the path of a page as the protocol's clients write links: `runs`, `tracked-runs`, `tasks` or `triggers`.

    A trigger is named by its task's name and its own.
    """
    path = "/".join(quote(name, safe="") for name in names)
    return f"/v2/domain/{quote(domain, safe='')}/project/{quote(project, safe='')}/{kind}/{path}"


def copy_button(what: str, text: str = "") -> str:
    """Return a button that copies a text, or else what stands behind it."""
    copied = f' data-copy="{escape(text)}"' if text else " data-copy"
    label = escape(f"Copy {what}")
    return f'<button type="button" class="copy" title="{label}" aria-label="{label}"{copied}>copy</button>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and values, which are HTML; without those that are empty."""
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in pairs if text) + "</dl>"


def page_link(address: str) -> str:
    """Return a link to a page elsewhere; as text if it is none, for it was written by whoever registered a task."""
    if urlsplit(address).scheme not in {"http", "https"}:
        return escape(address)
    return f'<a href="{escape(address)}" rel="noreferrer noopener">{escape(address)}</a>'


def action_button(label: str, command: str, **data: str) -> str:
    """Return a button whose command a script carries out."""
    attributes = "".join(f' data-{name.replace("_", "-")}="{escape(text)}"' for name, text in data.items())
    return f'<button type="button" data-command="{command}"{attributes}>{escape(label)}</button>'
