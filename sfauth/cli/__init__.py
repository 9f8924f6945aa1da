"""The command ``sfauth``. Each of its commands is a module that is imported when it is called for.

So ``sfauth --help`` works without any extra, and a command whose extra is missing says so in one sentence.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Final, NamedTuple

__all__ = ["main"]

MISUSE: Final = 2
"""Exit status: wrong arguments, or a missing extra."""
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""

SIMULATOR: Final = ("jwt", "python_multipart", "starlette", "uvicorn")
"""Modules that the simulator needs, which come with an extra."""
EXTRAS: Final = (*SIMULATOR, "rich")


class Command(NamedTuple):
    """A command of its own module, which has ``add_arguments(parser)`` and ``run(args) -> exit status``."""

    module: str
    help: str
    needs: tuple[str, ...]


COMMANDS: Final = {
    "demo": Command(
        "..demo.command", "500 tasks crawl 20 simulated orgs while everything happens that can happen", SIMULATOR
    ),
    "simulate": Command(
        ".simulate", "serve simulated Salesforce orgs on this machine, for any OAuth client", SIMULATOR
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sfauth`` with these arguments, by default the process's own; returns the exit status."""
    name, rest = _which(arguments)
    command = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=f"sfauth {name}", description=_sentence(command.help))
    try:
        for needed in command.needs:  # some are imported late, or by a child process that could not say it as well
            if find_spec(needed) is None:
                raise ModuleNotFoundError(name=needed)
        module = import_module(command.module, __name__)
        module.add_arguments(parser)
        status: int = module.run(parser.parse_args(rest))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        print(f'sfauth {name} needs {missing}, which comes with an extra: pip install "sfauth[all]"', file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _which(arguments: Sequence[str] | None) -> tuple[str, list[str]]:
    parser = argparse.ArgumentParser(
        prog="sfauth", description="Salesforce authentication for asyncio: see it run, and test against it."
    )
    parser.add_argument("--version", action="version", version=f"sfauth {_version()}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        # Options, --help among them, are left for the command's own parser, which isn't loaded yet.
        commands.add_parser(name, help=command.help, add_help=False)
    known, rest = parser.parse_known_args(arguments)
    return known.command, rest


def _version() -> str:
    try:
        return metadata.version("sfauth")
    except metadata.PackageNotFoundError:
        return "(not installed: run from its source tree)"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
