"""Colours of the pages, by computation: every text can be read on every ground that it stands on."""

import re
from itertools import product
from pathlib import Path

import flyte_devbox.console

CSS = (Path(flyte_devbox.console.__file__).parent / "static" / "console.css").read_text()
TEXTS = ("text", "bad", "good", "busy", "asks", "odd", "idle")
GROUNDS = ("page", "soft", "mark")
LEAST = 4.5
"""What WCAG 2.2 AA asks for between a text of any size and what it stands on (1.4.3)."""
LEAST_OF_BORDERS = 3.0
"""And between a sign of the focus, or the border of a field, and what is around it (1.4.11)."""


def colours(selector: str) -> dict[str, str]:
    (rules,) = re.findall(re.escape(selector) + r" \{([^}]*)\}", CSS)[:1]
    return dict(re.findall(r"--(\w+): (#\w+);", rules))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_the_guidelines_do() -> None:
    assert contrast("#000", "#ffffff") == 21
    assert round(contrast("#777777", "#fff"), 2) == 4.48


def test_texts_can_be_read_in_light_and_dark() -> None:
    for selector in (":root", ':root[data-theme="dark"]'):
        found = colours(selector)
        assert set(TEXTS) | set(GROUNDS) <= set(found), selector
        for text, ground in product(TEXTS, GROUNDS):
            ratio = contrast(found[text], found[ground])
            assert ratio >= LEAST, (selector, text, ground, round(ratio, 2))
        for ground in GROUNDS:
            for border in ("focus", "edge"):
                assert contrast(found[border], found[ground]) >= LEAST_OF_BORDERS, (selector, border, ground)


def test_every_phase_has_a_colour_of_the_palette() -> None:
    named = set(re.findall(r"\.phase\.(\w+)", CSS))
    # The others are under way, which is the colour of `.phase` itself.
    assert named == {
        "succeeded",
        "recovered",
        "failed",
        "timed_out",
        "aborted",
        "queued",
        "waiting_for_resources",
        "paused",
    }
