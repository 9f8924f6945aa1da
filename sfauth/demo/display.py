"""How the demo looks: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from .promises import Verdict

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Display", "Frame", "Plain", "Row", "TableOnScreen", "in_a_terminal"]

EVERY = 2.5
"""Seconds between plain lines."""
WIDEST = 100
BAR = 6

_TEXTS = {"org": "org", "logs in with": "login", "tokens": "tokens", "known from": "known_from"}
_STATE_STYLES = {"fresh": "green", "due": "yellow", "refreshing": "yellow", "blocked": "red", "failing": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One org at one moment.

    Attributes:
        known_from: What tells how long its tokens live.
        left: Share of the token's lifetime that is left; None without a token.
    """

    org: str
    login: str
    tokens: str
    known_from: str
    generation: int
    state: str
    left: float | None
    answered: int
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """All orgs at one moment, ``elapsed`` seconds after the beginning."""

    elapsed: float
    rows: tuple[Row, ...]

    def line(self) -> str:
        """In one line."""
        answered, generations = sum(row.answered for row in self.rows), sum(row.generation for row in self.rows)
        states = [row.state for row in self.rows]
        counted = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
        return f"{self.elapsed:5.1f} s  {answered:6,} answers with {generations:3,} tokens; orgs: {counted}"


class Display(Protocol):
    """What the demo tells while it goes on, and its end. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, frame: Frame) -> None:
        """The state of things; called a few times a second."""

    def say(self, text: str) -> None:
        """Something happened."""

    def summarise(self, verdict: Verdict, elapsed: float) -> None:
        """The end."""


class Plain:
    """Lines that a log file can hold."""

    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, frame: Frame) -> None:
        if frame.elapsed >= self._next:
            self._next = frame.elapsed + EVERY
            print(frame.line(), flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def summarise(self, verdict: Verdict, elapsed: float) -> None:
        _summarise(verdict, elapsed, lambda text, _: print(text))
        sys.stdout.flush()


class TableOnScreen:
    """A table that changes in place (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, frame: Frame) -> None:
        self._live.update(_table(frame), refresh=True)

    def say(self, text: str) -> None:
        self._live.console.print(text)  # above the table

    def summarise(self, verdict: Verdict, elapsed: float) -> None:
        from rich.text import Text

        _summarise(verdict, elapsed, lambda text, style: self._console.print(Text(text, style), soft_wrap=True))


def in_a_terminal() -> bool:
    """Whether a table that changes in place can be shown."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


def _table(frame: Frame) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, caption=frame.line(), caption_justify="left", padding=(0, 1, 0, 0), header_style="bold")
    # All but the last column keep their width: 20 orgs fit a terminal of 80 by 24.
    columns: dict[str, dict[str, Any]] = {
        "org": {},
        "logs in with": {},
        "tokens": {},
        "known from": {},
        "nr": {"justify": "right"},
        "left": {"min_width": BAR},
        "data": {"justify": "right", "min_width": 5},
        "latest": {},
    }
    for heading, options in columns.items():
        cells = [heading, *(getattr(row, _TEXTS[heading]) for row in frame.rows if heading in _TEXTS)]
        options.setdefault("min_width", max(map(len, cells)) if heading != "latest" else None)
        table.add_column(heading, no_wrap=True, overflow="ellipsis", **options)
    for row in frame.rows:
        style = _STATE_STYLES.get(row.state, "")
        table.add_row(
            row.org,
            row.login,
            row.tokens,
            row.known_from,
            f"{row.generation}",
            Text(_bar(row.left), style),
            f"{row.answered:,}",
            Text(row.remark, style if row.state in ("blocked", "failing") else ""),
        )
    return table


def _bar(left: float | None) -> str:
    full = 0 if left is None else round(max(0.0, min(left, 1.0)) * BAR)
    return "━" * full + "╌" * (BAR - full)


def _summarise(verdict: Verdict, elapsed: float, write: Callable[[str, str], object]) -> None:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    write(f"\nCounted by the server, in {elapsed:.1f} s:\n", "bold")
    names, values = (max(len(getattr(each, part)) for each in verdict.figures) for part in ("name", "value"))
    for figure in verdict.figures:
        text = f"  {figure.name:<{names}}  {figure.value:>{values}}  {figure.remark}".rstrip()
        write(text, "bold red" if figure.broken else "")
    write("", "")
    for mark, note in zip("¹²", verdict.notes, strict=True):
        write(textwrap.fill(f"{mark} {note}", width, initial_indent="  ", subsequent_indent="    "), "dim")
    if verdict.report:
        write("\nWhat the person on call reads about the org with the wrong secret:\n", "bold")
        for line in verdict.report.splitlines():
            write(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="      "), "")
    if not verdict.broken:
        write("\nEvery promise was kept.", "bold green")
        return
    write("\nBroken promises:", "bold red")
    for broken in verdict.broken:
        write(textwrap.fill(broken, width, initial_indent="  - ", subsequent_indent="    "), "red")
