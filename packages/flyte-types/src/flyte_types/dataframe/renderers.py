"""Frames drawn as HTML for reports: their first rows."""

import html
from typing import Any, cast

__all__ = ["draw"]

_ROWS = 10


def draw(frame: Any) -> str:
    """Draw the first ten rows of a frame, or what a handle says of itself.

    Raises:
        NotImplementedError: The frame is of a type that is not known.
    """
    kind = cast("Any", type(frame))
    match f"{kind.__module__.partition('.')[0]}.{kind.__name__}":
        case "pandas.DataFrame":
            return str(frame.to_html(max_rows=_ROWS))
        case "pyarrow.Table":
            return _table(frame)
        case "flyte_types.DataFrame":
            return f"<p>{html.escape(repr(frame))}</p>"
        case name:
            raise NotImplementedError(
                f"there is no renderer for frames of type `{name}`\n"
                "hint: register one with `DataFrameTransformerEngine.register_renderer`"
            )


def _table(table: Any) -> str:
    names = [html.escape(str(name)) for name in table.column_names]
    rows = table.slice(0, _ROWS).to_pylist()
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(value))}</td>' for value in row.values())}</tr>" for row in rows
    )
    return f'<table border="1" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
