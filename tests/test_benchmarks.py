"""Every benchmark runs, at the smallest size. What it measures is nobody's pass or fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.measure import Effort, Result, interleaved, timed
from benchmarks.registry import BENCHMARKS
from benchmarks.report import as_json, as_page, as_table

TINY = Effort(rounds=2, share=0.0001)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs(name: str) -> None:
    results = BENCHMARKS[name](TINY)
    assert results
    for result in results:
        assert result.values
        assert all(value >= 0 for value in result.values)
        assert len(result.floor) in (0, len(result.values))


def test_a_herd_makes_one_token_request() -> None:
    herd, _ = BENCHMARKS["cold"](Effort(rounds=2, share=0.01))
    assert herd.figures == (1,)


async def test_samples_are_taken_in_turn_and_every_other_round_backwards() -> None:
    order: list[str] = []

    async def first() -> float:
        order.append("first")
        return 1.0

    async def second() -> float:
        order.append("second")
        return 2.0

    assert await interleaved(2, first, second) == ((1.0, 1.0), (2.0, 2.0))
    assert order == ["first", "second", "second", "first", "first", "second"]


async def test_a_sample_is_the_time_of_one_operation() -> None:
    readings = iter([10.0, 16.0])

    async def work() -> None:
        pass

    assert await timed(3, work, clock=lambda: next(readings))() == 2.0


def ratio(*values: float, bar: float | None) -> Result:
    return Result(what="it", unit="s", values=values, against="the floor", floor=tuple(1e-6 for _ in values), bar=bar)


def test_the_median_is_held_against_the_bar() -> None:
    assert ratio(1e-6, 1e-6, 9e-6, bar=1.1).kept
    assert ratio(1e-6, 2e-6, 2e-6, bar=1.1).kept is False
    assert ratio(1e-6, bar=None).kept is None
    assert Result(what="it", unit="/s", values=(9.0,), bar=10, at_least=True).kept is False


def test_the_table_tells_ratios_their_spread_and_the_verdict() -> None:
    headings, row = as_table({"warm": [ratio(1e-6, 3e-6, 2e-6, bar=1.5)]}).splitlines()
    assert headings.split() == ["measured", "against", "median", "min", "max", "bar"]
    assert row.split("  ") == ["warm", "it (2 µs)", "the floor", "2.00 ×", "1.00 ×", "3.00 ×", "≤ 1.50 ×", "MISSED"]


def test_json_keeps_every_sample() -> None:
    kept = json.loads(json.dumps(as_json({"warm": [ratio(1e-6, 3e-6, bar=None)]}, TINY)))
    assert kept["results"][0]["values"] == [1e-6, 3e-6]
    assert kept["results"][0]["figures"] == [1.0, 3.0]
    assert kept["rounds"] == 2


def test_the_page_holds_the_table() -> None:
    assert "| warm | it (1 µs) | the floor | 1.00 × |" in as_page({"warm": [ratio(1e-6, bar=None)]}, TINY)


def test_the_command_runs_what_is_named_and_writes_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(BENCHMARKS, "warm", lambda effort: [ratio(2e-6, bar=1.0)])
    command.main(["warm", "--quick", "--json", str(tmp_path / "all.json"), "--page", str(tmp_path / "page.md")])
    assert "MISSED" in capsys.readouterr().out
    assert json.loads((tmp_path / "all.json").read_text())["results"][0]["kept"] is False
    assert (tmp_path / "page.md").read_text().startswith("# Benchmarks")


def test_the_command_refuses_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["wram"])
    assert "no benchmark is called wram; there are warm" in capsys.readouterr().err
