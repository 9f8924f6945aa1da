"""``sfauth simulate``: the simulator's own command, and an end that comes with the program that started it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from ..simulator import command

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``sfauth simulate``."""
    command.add_arguments(parser)
    parser.add_argument(
        "--until-eof", action="store_true", help="stop when standard input ends, and so with the program that holds it"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status."""
    if args.until_eof:
        threading.Thread(target=_stop_at_eof, name="sfauth-stdin", daemon=True).start()
    return command.run(args)


def _stop_at_eof() -> None:
    # A pipe ends with its writer, even one that was killed and could not say goodbye.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
