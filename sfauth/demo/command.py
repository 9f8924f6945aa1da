"""``sfauth demo``: what the command line says, and the exit status."""

from __future__ import annotations

import argparse
import os
import sys

import anyio

from .cast import FEWEST_ORGS
from .display import Display, Plain, TableOnScreen, in_a_terminal
from .promises import Verdict, judge
from .server import DidNotStart, serve
from .stage import SPOILERS, Script, Stage

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``sfauth demo``."""
    parser.add_argument("--seconds", type=float, default=15.0, help="how long it goes on (default: 15)")
    parser.add_argument("--orgs", type=int, default=20, help="how many orgs there are (default: 20)")
    parser.add_argument("--tasks", type=int, default=500, help="how many tasks crawl them (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="of lifetimes and pauses (the timing differs all the same)")
    parser.add_argument("--plain", action="store_true", help="lines instead of a table, in a terminal too")
    # Breaks a promise, to see the demo say so.
    parser.add_argument("--spoil", choices=sorted(SPOILERS), help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Returns the exit status: 0 if every promise was kept, 1 if one was broken, 2 if there is nothing to play."""
    if args.orgs < FEWEST_ORGS or args.tasks < args.orgs or not args.seconds > 0:
        print(
            f"sfauth demo: it takes {FEWEST_ORGS} orgs or more, a task for each of them, and some time",
            file=sys.stderr,
        )
        return 2
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # an old console lacks some characters
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        os.environ.pop(name, None)  # everything stays on this machine
    on_screen = not args.plain and sys.stdout.isatty() and in_a_terminal()
    display = TableOnScreen() if on_screen else Plain()
    try:
        verdict = anyio.run(_demo, args, display)
    except DidNotStart:
        print("sfauth demo: the simulator did not start; what it said is above.", file=sys.stderr)
        return 1
    return 1 if verdict.broken else 0


async def _demo(args: argparse.Namespace, display: Display) -> Verdict:
    script = Script(seconds=args.seconds, tasks=args.tasks, seed=args.seed, spoiler=args.spoil)
    print(f"Starting {args.orgs} simulated orgs …", flush=True)
    async with serve(orgs=args.orgs, seed=args.seed) as server:
        verdict = judge(await Stage(server, script, display).play())
    display.summarise(verdict, args.seconds)
    return verdict
