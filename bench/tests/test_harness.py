"""The harness's arithmetic, gates, budgets, tables and environments."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import main
from bench.cases import startup
from bench.harness import report
from bench.harness.case import CallCase, CommandCase, Comparison, Goal, Limit, Result
from bench.harness.counts import Budget, Count, budgets, count, is_own, loaded_modules
from bench.harness.environment import Side, cache_folder, cached_environment
from bench.harness.gate import gate_failures
from bench.harness.in_process import run_calls
from bench.harness.machine import Circumstances
from bench.harness.measure import run_measured
from bench.harness.ours import wheels_digest, wheels_side
from bench.harness.side_by_side import run_commands
from bench.harness.statistics import Spread, above, ratios, spread

HERE = Side("ours", Path(sys.executable), "this interpreter")
THERE = Side("reference", Path(sys.executable), "the same again")
CIRCUMSTANCES = Circumstances(
    date="2026-11-23T12:00:00Z",
    commit="abc",
    machine="a | machine",
    cores=2,
    load=0.1,
    python="3.11.7",
    ours="our wheels",
    reference="PyPI flyte 2.12.1",
    our_packages={},
    reference_packages={},
)


def made(ratio: float | None, goal: Goal | None = None, *, name: str = "import") -> Result:
    comparison = Comparison("reference", None if ratio is None else Spread(ratio, ratio, ratio, 5), goal)
    times = {} if ratio is None else {"ours": Spread(ratio, ratio, ratio, 5), "reference": Spread(1.0, 1.0, 1.0, 5)}
    return Result(name, f"`{name}`", "startup", "cpu", times, (comparison,), problem="" if times else "broken")


def budget(**changes: object) -> Budget:
    fields = {"id": "x", "command": ("{python}", "-c", "import json"), "modules": 10, "own": 0, "forbidden": ()}
    return Budget(**{**fields, **changes})


class TestStatistics:
    def test_one_slow_round_does_not_move_the_median(self):
        assert Spread(2.0, 2.0, 2.0, 5) == spread([2.0, 2.0, 90.0, 2.0, 2.0])

    def test_a_single_round_is_its_own_spread(self):
        assert Spread(3.0, 3.0, 3.0, 1) == spread([3.0])

    def test_no_rounds_is_an_error(self):
        with pytest.raises(ValueError, match="no samples"):
            spread([])

    def test_ratios_are_taken_round_by_round(self):
        assert ratios([1.0, 10.0], [2.0, 20.0]) == [0.5, 0.5]

    def test_an_unmeasurable_other_never_passes_for_a_win(self):
        assert [math.inf] == ratios([0.0], [0.0])

    def test_above_bare_is_never_negative(self):
        assert above([2.0, 0.4], [0.5, 0.5]) == [1.5, 0.0]

    @pytest.mark.parametrize("combine", [ratios, above])
    def test_different_rounds_do_not_mix(self, combine):
        with pytest.raises(ValueError, match="shorter"):
            combine([1.0, 2.0], [1.0])

    @given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=30))
    def test_the_spread_holds_its_median(self, values):
        result = spread(values)
        assert min(values) <= result.low <= result.median <= result.high <= max(values)


class TestGate:
    def test_a_miss_within_the_margin_is_accepted(self):
        result = made(0.3, Goal(0.2, 0.4))
        assert result.comparisons[0].verdict == "miss"
        assert gate_failures([result], []) == []

    def test_beyond_the_margin_fails_and_names_the_numbers(self):
        assert gate_failures([made(0.5, Goal(0.2, 0.4))], []) == ["import: 0.500 of reference, gate 0.400, goal 0.200"]

    def test_what_could_not_be_measured_fails(self):
        assert gate_failures([made(None, Goal(0.2, 0.4))], []) == ["import: not measured: broken"]

    def test_information_never_fails(self):
        assert gate_failures([made(9.0), made(None)], []) == []

    def test_counts_fail_by_what_they_exceed(self):
        exceeded = Count(budget(modules=1, forbidden=("rich",)), ("flyte", "rich", "rich.text", "richer"))
        assert gate_failures([], [exceeded]) == [
            "modules of x: 1 own modules, budget 0: flyte",
            "modules of x: 4 modules, budget 1",
            "modules of x: `rich` was loaded (2 modules)",
        ]

    def test_a_command_that_failed_is_not_a_small_count(self):
        assert gate_failures([], [Count(budget(), (), "ended with 1")]) == ["modules of x: ended with 1"]

    @pytest.mark.parametrize("case", startup.CASES, ids=lambda case: case.id)
    def test_gates_are_wider_than_goals(self, case):
        assert case.goal.gate >= 2 * case.goal.ratio


class TestCounts:
    def test_lines_of_the_program_are_not_modules(self):
        text = (
            "import time: self [us] | cumulative | imported package\n"
            "import time:       100 |        100 |   _io\n"
            "hello | there |   nobody\n"
            "import time:        90 |       9000 | flyte.errors\n"
        )
        assert {"_io", "flyte.errors"} == loaded_modules(text)

    def test_own_modules(self):
        names = ["flyte", "flyte.io", "flyte_models.ids", "flyteidl2.core", "flyteplugins.x", "rich"]
        assert [name for name in names if is_own(name)] == ["flyte", "flyte.io", "flyte_models.ids"]

    def test_an_unknown_field_in_the_budgets_is_named(self, tmp_path):
        path = tmp_path / "budgets.toml"
        path.write_text('[x]\ncommand = ["a"]\nmodules = 1\nown = 1\nsize = 3\n')
        with pytest.raises(ValueError, match="size"):
            budgets(path)

    def test_the_budgets_of_the_bench_can_be_read(self):
        assert {budget.id: budget for budget in budgets()}["import-flyte"].own == 1

    def test_a_real_command_is_counted_above_bare_python(self):
        (counted,) = count(HERE, [budget(forbidden=("json",), modules=500)])
        assert "json.decoder" in counted.modules
        assert "builtins" not in counted.modules
        assert [f"`json` was loaded ({sum(name.startswith('json') for name in counted.modules)} modules)"] == (
            counted.excesses
        )

    def test_a_real_command_that_fails(self):
        (counted,) = count(HERE, [budget(command=("{python}", "-c", "raise SystemExit('sorry')"))])
        assert counted.excesses == ["`{python} -c raise SystemExit('sorry')` ended with 1: sorry"]


class TestReport:
    def test_the_table(self):
        table = report.markdown(CIRCUMSTANCES, [made(0.3, Goal(0.2, 0.4)), made(None, Goal(1, 2), name="help")], [])
        assert table.strip().splitlines()[2:] == [
            "| Start-up | ours | PyPI flyte | ratio | goal |  |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
            "| `import` | 300 ms | 1 s | 0.3 [0.3, 0.3] | <= 0.2 | miss |",
            "| `help` | broken |  |  | <= 1 | not measured |",
        ]

    def test_limits_stand_below_the_ratios(self):
        times = {"ours": spread([3 * 2**20]), "other": spread([6 * 2**20])}
        beside = (Comparison("other", spread([0.5]), Goal(0.4, 1)),)
        both = Result("x", "both", "memory", "wall", times, beside, unit="bytes", limit=Limit(4 * 2**20))
        alone = replace(both, title="alone", comparisons=(), limit=Limit(1024))
        table = report.markdown(CIRCUMSTANCES, [both, alone], [])
        assert table.strip().splitlines()[2:] == [
            "| Memory | ours | beside | ratio | goal |  |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
            "| both | 3 MiB | other: 6 MiB | 0.5 [0.5, 0.5] | <= 0.4 | miss |",
            "|  |  |  |  | <= 4 MiB | pass |",
            "| alone | 3 MiB |  |  | <= 1 KiB | miss |",
        ]

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (1.2345, "1.23 s"),
            (0.99999, "1 s"),
            (0.0211, "21.1 ms"),
            (0.0009996, "1 ms"),
            (3.07e-7, "0.307 µs"),
            (0.0, "0 µs"),
        ],
    )
    def test_durations_need_no_exponent(self, seconds, text):
        assert text == report.duration(seconds)

    def test_counts_have_a_table(self):
        table = report.markdown(CIRCUMSTANCES, [], [Count(budget(), ("json",))])
        assert table.strip().splitlines()[-1] == "| x | 1 | 10 | 0 | 0 | pass |"

    def test_json_holds_the_raw_samples_and_is_strict(self):
        result = made(math.inf, Goal(1, 2))
        document = json.loads(
            report.as_json(CIRCUMSTANCES, [result], [Count(budget(), ())]), parse_constant=pytest.fail
        )
        assert None is document["results"][0]["comparisons"][0]["ratio"]["median"]
        assert document["circumstances"]["commit"] == "abc"

    def test_the_table_goes_between_the_markers_as_often_as_one_likes(self):
        readme = f"# Title\n\n{report.OPENING}\nold\n{report.CLOSING}\n\nend\n"
        once = report.into_page(readme, "| new |\n")
        assert f"# Title\n\n{report.OPENING}\n\n| new |\n\n{report.CLOSING}\n\nend\n" == once
        assert once == report.into_page(once, "| new |\n")

    def test_a_record_is_json_headlines_and_tables(self, tmp_path):
        readme, page = tmp_path / "README.md", tmp_path / "measurements.md"
        for path in (readme, page):
            path.write_text(f"{report.OPENING}\n{report.CLOSING}\n")
        report.write_record(tmp_path / "results", readme, page, document="{}", table="| table |", headline="| head |")
        assert (tmp_path / "results" / "recorded.json").read_text() == "{}"
        assert "| head |" in readme.read_text()
        assert "| table |" in page.read_text()

    def test_headlines_count_all_goals_and_leave_no_miss_out(self):
        met, missed, silent = made(0.5, Goal(1, 2)), made(1.5, Goal(1, 2)), made(3.0, None)
        results = [
            replace(met, id="a", title="a"),
            replace(missed, id="b", title="b"),
            replace(silent, id="c", title="c"),
        ]
        text = report.headlines(CIRCUMSTANCES, results, [Count(budget(), ("json",))], chosen=("a",))
        assert "2 of 3 goals are met." in text
        shown, others = text.split("All other misses")
        assert "| a |" in shown
        assert "| b |" in others
        assert "| c |" not in text

    def test_a_part_is_no_record(self, capsys):
        with pytest.raises(SystemExit):
            main(["--record", "--only", "counts"])
        assert "hint: leave `--only` away" in capsys.readouterr().err

    def test_nothing_is_written_without_markers(self, tmp_path):
        readme, page = tmp_path / "README.md", tmp_path / "measurements.md"
        readme.write_text(f"{report.OPENING}\n{report.CLOSING}\n")
        page.write_text("# Title\n")
        with pytest.raises(ValueError, match="bench:startup"):
            report.write_record(tmp_path / "results", readme, page, document="{}", table="| t |", headline="| h |")
        assert {readme, page} == set(tmp_path.iterdir())
        assert "| h |" not in readme.read_text()


class TestMeasure:
    def test_children_count_and_output_is_kept(self, tmp_path):
        program = (
            "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))']); print('done')"
        )
        sample = run_measured([sys.executable, "-c", program], {}, tmp_path)
        alone = run_measured([sys.executable, "-c", "pass"], {}, tmp_path)
        assert sample.output == "done\n"
        assert sample.cpu_seconds > alone.cpu_seconds
        assert sample.returncode == 0

    def test_what_hangs_is_killed(self, tmp_path):
        sample = run_measured([sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path, timeout=0.2)
        assert sample.returncode == -9

    def test_sides_alternate_and_bare_time_is_subtracted(self):
        slow = ("{python}", "-c", "sum(range(3_000_000)); print('ok')")
        quick = ("{python}", "-c", "print('ok')")
        case = CommandCase("x", "x", quick, slow, Goal(0.5, 1.0), expects="ok", above_bare=True)
        (result,) = run_commands([case], HERE, THERE, rounds=3, seconds=60)
        assert {"ours", "reference", "bare ours", "bare reference"} == set(result.samples)
        assert [len(samples["cpu"]) for samples in result.samples.values()] == [3] * 4
        assert result.comparisons[0].verdict == "pass"

    def test_what_ours_cannot_do_is_a_result(self):
        case = CommandCase("x", "x", ("{bin}/no-such-command",), ("{python}", "-c", "pass"), Goal(1, 2))
        (result,) = run_commands([case], HERE, THERE, rounds=1, seconds=60)
        assert result.comparisons[0].verdict == "not measured"
        assert "no-such-command" in result.problem

    def test_doing_nothing_is_not_fast(self):
        silent, printing = ("{python}", "-c", "pass"), ("{python}", "-c", "print('hello')")
        case = CommandCase("x", "x", silent, printing, Goal(1, 2), expects="hello")
        (result,) = run_commands([case], HERE, THERE, rounds=1, seconds=60)
        assert "did not print `hello`" in result.problem

    def test_a_reference_that_fails_is_an_error_of_the_case(self):
        case = CommandCase("x", "x", ("{python}", "-c", "pass"), ("{python}", "-c", "1/0"), Goal(1, 2))
        with pytest.raises(RuntimeError, match="cannot run case `x`"):
            run_commands([case], HERE, THERE, rounds=1, seconds=60)

    def test_calls_contend_in_one_process(self):
        contestants = {"ours": lambda: None, "other": lambda: sum(range(2_000))}
        case = CallCase("x", "x", contestants, {"other": Goal(0.5, 1.0)}, limit=Limit(60.0))
        (result,) = run_calls([case], rounds=3)
        assert result.comparisons[0].verdict == "pass"
        assert result.limit_verdict == "pass"
        assert len(result.samples["ours"]["wall"]) == 3


class TestEnvironment:
    @staticmethod
    def linked(folder: Path) -> Path:
        """Make an environment that is no more than a link: what is tested is what counts as complete."""
        python = folder / "bin" / "python"
        python.parent.mkdir()
        python.symlink_to(sys.executable)
        return python

    def test_made_once(self, tmp_path):
        first = cached_environment("x", self.linked, cache=tmp_path)
        assert first == cached_environment("x", pytest.fail, cache=tmp_path)

    def test_an_interrupted_one_leaves_nothing_and_is_made_again(self, tmp_path):
        def interrupted(folder):
            self.linked(folder)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cached_environment("x", interrupted, cache=tmp_path)
        assert list((tmp_path / "x").iterdir()) == []
        assert cached_environment("x", self.linked, cache=tmp_path).exists()

    def test_one_whose_interpreter_is_gone_is_made_again(self, tmp_path):
        first = cached_environment("x", self.linked, cache=tmp_path)
        first.unlink()
        assert first != cached_environment("x", self.linked, cache=tmp_path)

    def test_the_cache_can_be_moved(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FLYTE_BENCH_CACHE", str(tmp_path))
        assert tmp_path == cache_folder()

    def test_other_wheels_are_another_environment(self, tmp_path):
        wheel = tmp_path / "a-1-py3-none-any.whl"
        wheel.write_bytes(b"one")
        first = wheels_digest([wheel])
        assert first == wheels_digest([wheel])
        wheel.write_bytes(b"two")
        assert first != wheels_digest([wheel])

    def test_a_folder_without_wheels_says_how_to_make_them(self, tmp_path):
        with pytest.raises(RuntimeError, match="uv build"):
            wheels_side(tmp_path, cache=tmp_path)
