"""The command line as a user has it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

Sfauth = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sfauth", *arguments]


@pytest.fixture
def sfauth() -> Sfauth:
    """Runs ``sfauth`` to its end."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def sfauth_without() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``sfauth`` on a machine that lacks a module."""

    def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = (
            f"import sys; sys.modules[{module!r}] = None; from sfauth.cli import main; sys.exit(main({[*arguments]!r}))"
        )
        return subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    return run
