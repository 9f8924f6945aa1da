"""``python -m benchmarks [names] [--quick] [--json FILE] [--page FILE]``. Its exit status says nothing about speed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .measure import FULL, QUICK, Result
from .registry import BENCHMARKS
from .report import as_json, as_page, as_table

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run benchmarks and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="sfauth next to the floor, as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page of the documentation")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    effort = QUICK if options.quick else FULL
    results: dict[str, list[Result]] = {}
    for name in options.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results[name] = BENCHMARKS[name](effort)
    print(as_table(results))
    if options.json:
        options.json.write_text(json.dumps(as_json(results, effort), indent=1) + "\n")
    if options.page:
        options.page.write_text(as_page(results, effort))


if __name__ == "__main__":
    main()
