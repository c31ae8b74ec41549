"""The errors users meet most, word for word. Change one only on purpose: `just snap` accepts the new text."""

import shutil
import signal
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for program in PROGRAMS.glob("*.py"):
        shutil.copy(program, tmp_path)
    shutil.copy(PROGRAMS / "syntax_error.txt", tmp_path / "syntax_error.py")
    return Place(tmp_path)


def test_misspelt_task(place: Place) -> None:
    assert place.fails("run", "failing.py", "compte") == snapshot(
        (
            2,
            """\
error: `failing.py` has no task `compte`; it has `load`, `crash`, `double`, `mapped`, `flaky`, `unlucky`, `unserialisable`, `slow`, `compute`
hint: did you mean `compute`?
""",
        )
    )


def test_wrong_type(place: Place) -> None:
    assert place.fails("run", "failing.py", "compute", "--count", "many") == snapshot(
        (
            2,
            """\
error: input `--count` of task `failing.compute`: 'many' is not a valid `int`
hint: `flyte run FILE compute --help` lists the inputs and their types
""",
        )
    )


def test_missing_input(place: Place) -> None:
    assert place.fails("run", "failing.py", "compute", "--name", "x") == snapshot(
        (
            2,
            """\
error: task `failing.compute` needs an input that is missing: `--count` (int)
hint: add --count INT
""",
        )
    )


def test_unknown_input(place: Place) -> None:
    assert place.fails("run", "failing.py", "compute", "--cuont", "3") == snapshot(
        (
            2,
            """\
error: `flyte run failing.py compute` has no option `--cuont`
hint: did you mean `--count`?
""",
        )
    )


def test_bad_path(place: Place) -> None:
    assert place.fails("run", "failling.py", "compute") == snapshot(
        (
            2,
            """\
error: there is no file `failling.py`
hint: did you mean `failing.py`?
""",
        )
    )


def test_missing_import(place: Place) -> None:
    assert place.fails("run", "missing_import.py", "main") == snapshot(
        (
            3,
            """\
error: `missing_import.py` imports `pandaz`, which is not installed
  File "<folder>/missing_import.py", line 1, in <module>
    import pandaz
hint: install it (`uv pip install pandaz`); if it is a module of yours, run from the folder that has `pandaz`
""",
        )
    )


def test_imports_of_flyte_that_come_later(place: Place) -> None:
    (place.folder / "later.py").write_text("import flyte.app\n")
    assert place.fails("run", "--local", "later.py", "main") == snapshot(
        (
            3,
            """\
error: `later.py` cannot be imported: `flyte.app` is not built yet in this version of flyte
  File "<folder>/later.py", line 1, in <module>
    import flyte.app
hint: `flyte.remote.App` and `flyte proxy app` look at, start, stop and reach the apps of a cluster
""",
        )
    )
    (place.folder / "later.py").write_text("from flyte import AppHandle\n")
    assert place.fails("run", "--local", "later.py", "main") == snapshot(
        (
            3,
            """\
error: `later.py` cannot be imported: `flyte.AppHandle` is not built yet in this version of flyte
  File "<folder>/later.py", line 1, in <module>
    from flyte import AppHandle
hint: `flyte.remote.App` and `flyte proxy app` look at, start, stop and reach the apps of a cluster
""",
        )
    )


def test_syntax_error(place: Place) -> None:
    assert place.fails("run", "syntax_error.py", "main") == snapshot(
        (
            3,
            """\
error: `syntax_error.py` has a syntax error in line 7: expected ':'
  File "<folder>/syntax_error.py", line 7
    def main(x: int) -> int
hint: correct that line
""",
        )
    )


def test_exception_in_a_task(place: Place) -> None:
    assert place.fails("run", "failing.py", "crash") == snapshot(
        (
            1,
            """\
error: task `failing.load` failed: ValueError: amount of tea is negative: -1
  action  crash > load
  inputs  order=Order(item='tea', amount=-1)
  File "<folder>/failing.py", line 28, in crash
    return await load.aio(Order("tea", amount))
  File "<folder>/failing.py", line 21, in load
    raise ValueError(f"amount of {order.item} is negative: {order.amount}")
  (<n> frames of flyte and Python folded; `flyte -v ...` shows them)
hint: `flyte get action <run>` shows every action of this run
""",
        )
    )


def test_exception_in_a_mapped_child(place: Place) -> None:
    assert place.fails("run", "failing.py", "mapped") == snapshot(
        (
            1,
            """\
error: task `failing.double` failed: ZeroDivisionError: integer division or modulo by zero
  action  mapped > double[3]
  inputs  x=3
  File "<folder>/failing.py", line 39, in mapped
    return list(flyte.map(double, range(n), return_exceptions=False))
  File "<folder>/failing.py", line 33, in double
    return 100 // (x - 3)
  (<n> frames of flyte and Python folded; `flyte -v ...` shows them)
hint: `flyte get action <run>` shows every action of this run
""",
        )
    )


def test_retries_used_up(place: Place) -> None:
    assert place.fails("run", "failing.py", "unlucky") == snapshot(
        (
            1,
            """\
error: task `failing.flaky` failed after 3 attempts: ConnectionError: db does not answer (attempt 2)
  action  unlucky > flaky
  inputs  name='db'
  File "<folder>/failing.py", line 50, in unlucky
    return await flaky.aio("db")
  File "<folder>/failing.py", line 44, in flaky
    raise ConnectionError(f"{name} does not answer (attempt {flyte.ctx().attempt_number})")
  (<n> frames of flyte and Python folded; `flyte -v ...` shows them)
hint: `flyte get action <run>` shows every action of this run
""",
        )
    )


def test_unserialisable_output(place: Place) -> None:
    assert place.fails("run", "failing.py", "unserialisable") == snapshot(
        (
            1,
            """\
error: task `failing.unserialisable` failed: DataValidationError: output `o0[2]` of task `failing.unserialisable` must be int, got <unlocked _thread.lock object at 0x…> (lock)
  File "<folder>/failing.py", line 53, in unserialisable
hint: return what the annotation says, or change the annotation of `unserialisable`
hint: `flyte get action <run>` shows every action of this run
""",
        )
    )


def test_two_environments_of_one_name(place: Place) -> None:
    assert place.fails("run", "two_environments.py", "main") == snapshot(
        (
            3,
            """\
error: 2 environments are named `etl`, so `etl.<task>` would be ambiguous:
  <folder>/two_environments.py:3
  <folder>/two_environments.py:4
hint: give each `TaskEnvironment` a name of its own
""",
        )
    )


def test_task_called_without_a_run(place: Place) -> None:
    assert place.fails("run", "called_without_run.py", "main", "--x", "1") == snapshot(
        (
            3,
            """\
error: `called_without_run.py` failed while it was imported: NotATaskError: `flyte.run` got a coroutine: `main` was called, outside a run, instead of being handed over
  File "<folder>/called_without_run.py", line 11, in <module>
    print(flyte.run(main(3)))
hint: incorrect: flyte.run(main(x))
      correct:  flyte.run(main, x)
""",
        )
    )


def test_no_such_command(place: Place) -> None:
    assert place.fails("rnu", "failing.py", "compute") == snapshot(
        (
            2,
            """\
error: there is no command `flyte rnu`
hint: did you mean `run`?
""",
        )
    )


def test_unreadable_config(place: Place) -> None:
    (place.folder / "config.yaml").write_text("admin:\n  endpoint: [unclosed\n")
    assert place.fails("run", "failing.py", "compute", "--count", "1") == snapshot(
        (
            4,
            """\
error: cannot parse the configuration file `<folder>/config.yaml` at line 3, column 1: expected ',' or ']', but got '<stream end>'
hint: correct that line; a minimal file is `admin:` with `endpoint: <host>` below it
""",
        )
    )


def test_ctrl_c(place: Place) -> None:
    process = place.start("run", "failing.py", "slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "cleaned up\n"
    assert (process.returncode, f"{place.normalise(err)}\n") == snapshot(
        (
            130,
            """\
error: interrupted: run `<run>` was aborted, and the clean-up code of its tasks was run
hint: `flyte get run <run>` shows what it had done, `flyte run --resume <run>` goes on
""",
        )
    )


def test_verbose_shows_all_frames(place: Place) -> None:
    process = place.start("-v", "run", "failing.py", "crash")
    _, err = process.communicate(timeout=60)
    assert "flyte/controllers/local.py" in err
    assert "folded" not in err
