"""A report and its tabs, and the page that they make. Nothing here knows of tasks or stores."""

import sys
from dataclasses import field
from html import escape
from importlib import import_module
from pathlib import Path
from string import Template
from typing import Any

from flyte_models.values import light_dataclass

__all__ = ["MAIN", "Report", "Tab"]

MAIN = "main"
"""The tab that is there from the beginning."""


@light_dataclass()
class Tab:
    """One tab: pieces of HTML, in the order in which they were logged."""

    name: str
    content: list[str] = field(default_factory=list[str])

    def log(self, content: str) -> None:
        """Add HTML at the end."""
        self.content.append(_html(content))

    def replace(self, content: str) -> None:
        """Put HTML in the place of all there is."""
        self.content = [_html(content)]

    def get_html(self) -> str:
        """Give everything logged."""
        return "\n".join(self.content)


@light_dataclass()
class Report:
    """The report of one action."""

    name: str
    tabs: dict[str, Tab] = field(default_factory=dict[str, Tab])
    template_path: Path = field(default_factory=lambda: Path(__file__).with_name("page.html"))
    """The page around the tabs, with `$title`, `$tabs` and `$panes` where they go."""

    def __post_init__(self) -> None:
        self.tabs.setdefault(MAIN, Tab(MAIN))

    def get_tab(self, name: str, create_if_missing: bool = True) -> Tab:
        """Give a tab by its name.

        Args:
            name: The name, which the page shows.
            create_if_missing: Make it if it is not there.

        Raises:
            ValueError: It is not there, and shall not be made.
        """
        if name not in self.tabs:
            if not create_if_missing:
                known = ", ".join(f"`{each}`" for each in self.tabs)
                raise ValueError(f"report `{self.name}` has no tab `{name}`; it has {known}")
            self.tabs[name] = Tab(name)
        return self.tabs[name]

    def has_content(self) -> bool:
        """Tell whether anything was logged to any tab."""
        return any(tab.content for tab in self.tabs.values())

    def render(self) -> str:
        """Give the whole page as HTML."""
        tabs = "".join(f'<button type="button">{escape(name)}</button>' for name in self.tabs)
        panes = "".join(f"<section>{tab.get_html()}</section>" for tab in self.tabs.values())
        template = Template(self.template_path.read_text(encoding="utf-8"))
        return template.safe_substitute(title=escape(self.name), tabs=tabs, panes=panes)

    def get_final_report(self) -> Any:
        """Give the page: as text, or in a notebook as an object that the notebook shows."""
        page = self.render()
        if "IPython" in sys.modules:
            notebook = import_module("IPython")
            if notebook.get_ipython() is not None:
                return import_module("IPython.display").HTML(page)
        return page


def _html(content: Any) -> str:
    if not isinstance(content, str):
        raise TypeError(
            f"a report takes HTML as text, got {type(content).__name__}: {content!r:.80}\n"
            "hint: `str(...)`, or `flyte.report.abbreviate(...)` for any value"
        )
    return content
