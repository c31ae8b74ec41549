"""Errors as pages show them: what happened and the user's line first."""

from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.console.error_view import error_section, view_of

CODE = "/home/me/.flyte/devbox/code/4627a330fda61fb29f17203c79046982"
MESSAGE = f"""no such <b>city</b>
second line

Traceback (most recent call last):
  File "{CODE}/app/weather.py", line 12, in main
    return await forecast(city)
           ^^^^^^^^^^^^^^^^^^^^
  File "{CODE}/app/weather.py", line 7, in forecast
    return table[
           ^^^^^^
        city
    ]
  File "/usr/lib/python3.13/site-packages/tables/core.py", line 99, in get
    raise LookupError(key)
LookupError: no such <b>city</b>
second line
"""


def test_the_users_last_line_comes_before_the_traceback() -> None:
    view = view_of(MESSAGE)
    assert view.summary == "no such <b>city</b>\nsecond line"
    assert view.place == "app/weather.py:7 in forecast"
    assert view.code == "return table[\n       ^^^^^^\n    city\n]"
    assert view.frames == 3
    assert view.traceback.startswith("Traceback")
    assert view.traceback.endswith("second line")
    html = error_section("LookupError", MESSAGE)
    assert html.index("weather.py:7") < html.index("core.py")
    assert "<b>" not in html


def test_a_group_of_errors_has_a_line_too() -> None:
    message = f"""two failed

Traceback (most recent call last):
  + Exception Group Traceback (most recent call last):
  |   File "{CODE}/a.py", line 3, in main
  |     await both()
  | ExceptionGroup: two failed
"""
    view = view_of(message)
    assert (view.place, view.code) == ("a.py:3 in main", "await both()")


def test_an_error_without_a_traceback_is_shown_as_it_is() -> None:
    view = view_of("exited with code 3")
    assert (view.summary, view.place, view.code, view.traceback) == ("exited with code 3", "", "", "")
    assert "<details" not in error_section("Error", "exited with code 3")


@given(st.text() | st.text().map(lambda text: f"Traceback (most recent call last):{text}"))
def test_nothing_of_any_message_is_lost(message: str) -> None:
    view = view_of(message)
    assert f"{view.summary}{view.traceback}".replace("\n", "") == message.replace("\n", "")
    error_section("code", message)
