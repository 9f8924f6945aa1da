"""Results as a table for a terminal, as JSON, and as a page of the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from .measure import Effort, Result

__all__ = ["as_json", "as_page", "as_table"]

HEADINGS = ("", "measured", "against", "median", "min", "max", "bar", "")


def as_table(results: Mapping[str, list[Result]]) -> str:
    """Columns for a terminal."""
    rows = [HEADINGS, *_rows(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_json(results: Mapping[str, list[Result]], effort: Effort) -> dict[str, Any]:
    """Every sample, for plots and for whoever doubts a median."""
    return {
        "machine": _machine(),
        "rounds": effort.rounds,
        "share": effort.share,
        "results": [
            {
                "benchmark": name,
                "what": each.what,
                "unit": each.unit,
                "values": each.values,
                "against": each.against,
                "floor": each.floor,
                "figures": each.figures,
                "bar": each.bar,
                "at_least": each.at_least,
                "kept": each.kept,
            }
            for name, lines in results.items()
            for each in lines
        ],
    }


def as_page(results: Mapping[str, list[Result]], effort: Effort) -> str:
    """Markdown, all of it generated: what isn't true of the newest run isn't there."""
    table = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *map(_line, _rows(results))]
    return _PAGE.format(table="\n".join(table), machine=", ".join(_machine().values()), rounds=effort.rounds)


_PAGE = """\
# Benchmarks

<!-- Written by `python -m benchmarks --page docs/reference/benchmarks.md`: don't edit. -->

What sfauth costs, next to the cheapest thing that could do the same. A ratio compares samples taken in turn within one
run, so that a busy machine slows both sides; times are CPU time. The verdict goes by the median; minimum and maximum
tell how far to trust it.

{table}

{rounds} rounds or more on {machine}.

`python -m benchmarks` in a clone of the repository prints this table, `python -m benchmarks warm import` a part of it,
`--quick` a rough one; `--json FILE` keeps every sample. No test asserts a time.
"""


def _machine() -> dict[str, str]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "httpx": f"httpx {version('httpx')}",
        "system": f"{platform.system()} {platform.machine()}, {_cpu()}",
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    return f"{os.cpu_count()} × {model or 'unknown processor'}"


def _rows(results: Mapping[str, list[Result]]) -> list[tuple[str, ...]]:
    return [_row(name, each) for name, lines in results.items() for each in lines]


def _row(name: str, result: Result) -> tuple[str, ...]:
    figures = result.figures
    shown = [_figure(result, each) for each in (median(figures), min(figures), max(figures))]
    bar = "" if result.bar is None else f"{'≥' if result.at_least else '≤'} {_figure(result, result.bar)}"
    verdict = {None: "", True: "kept", False: "MISSED"}[result.kept]
    return (name, f"{result.what}{_absolute(result)}", result.against or "", *shown, bar, verdict)


def _figure(result: Result, figure: float) -> str:
    if result.floor:
        return f"{figure:.2f} ×"
    if result.unit == "s":
        return _seconds(figure)
    return f"{figure:,.0f} {result.unit}".rstrip()


def _absolute(result: Result) -> str:
    return f" ({_seconds(median(result.values))})" if result.floor and result.unit == "s" else ""


def _seconds(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
