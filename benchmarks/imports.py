"""What ``import sfauth`` costs next to ``import httpx``, in fresh interpreters."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .measure import Contestant, Effort, Result, interleaved

__all__ = ["run"]

ROOT = Path(__file__).parent.parent
BAR = 1.1

# CPU time: what the disk and other processes do in the meantime is not the import's doing. And httpx's command line
# comes along with it where click and rich happen to be installed. A service has neither.
_SCRIPT = """
import sys, time
sys.modules.update(click=None, rich=None)
{before}
started = time.process_time()
{statement}
print(time.process_time() - started)
"""
_USE = "from sfauth import TokenManager, JWTBearerGrant"


def run(effort: Effort) -> list[Result]:
    """CPU seconds of the import statement, bytecode being there."""
    # Bytecode in a place of our own, as an environment may forbid writing it beside the source.
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = bytecode

        def importing(statement: str, before: str = "") -> Contestant:
            return _importing(_SCRIPT.format(statement=statement, before=before), environment)

        sfauth, used, httpx, used_later, httpx_later = asyncio.run(
            interleaved(
                effort.rounds,
                importing("import sfauth"),
                importing(_USE),
                importing("import httpx"),
                importing(_USE, "import asyncio"),
                importing("import httpx", "import asyncio"),
            )
        )
    return [
        Result(what="import sfauth", unit="s", values=sfauth, against="import httpx", floor=httpx, bar=BAR),
        # What a program can't do without, however lazily the rest is loaded.
        Result(what=_USE, unit="s", values=used, against="import httpx", floor=httpx),
        Result(
            what="the same, asyncio being there",
            unit="s",
            values=used_later,
            against="import httpx, likewise",
            floor=httpx_later,
        ),
    ]


def _importing(script: str, environment: dict[str, str]) -> Contestant:
    command = [sys.executable, "-c", script]

    def run_once() -> float:
        shown = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return float(shown.stdout)

    async def sample() -> float:
        return await asyncio.to_thread(run_once)

    return sample
