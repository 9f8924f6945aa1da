"""What a contributor runs before a pull request: plain ``nox``. ``nox -l`` lists the sessions.

Needs nothing but pip. Arguments after ``--`` go to pytest: ``nox -s tests-3.12 -- tests/test_org.py -k sandbox``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nox

HERE = Path(__file__).parent
SUPPORTED = ("3.11", "3.12", "3.13")

# Where concurrency and secrets meet, each branch has a test.
FULLY_COVERED = ("sfauth/source.py", "sfauth/manager.py", "sfauth/auth.py")


# Real engines, browsers, servers and processes: on one Python, as they test what no version of Python changes.
HEAVY = (
    "tests/browser",
    "tests/cli",
    "tests/outside",
    "tests/promises/test_schedules.py",
    "tests/simulator/test_python_clients.py",
    *sorted(str(path.relative_to(HERE)) for path in HERE.glob("tests/stores/test_*redis*.py")),
    "tests/stores/test_processes.py",
)


def interpreters(version: str) -> Iterator[Path]:
    """Places where Python `version` may live: PATH first, then the versions that pyenv has installed."""
    name = f"python{version}"
    if found := shutil.which(name):
        yield Path(found)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/{name}"), reverse=True)


def works(python: Path) -> bool:
    """A pyenv shim may exist for a version that isn't activated; only running it tells."""
    try:
        return subprocess.run([python, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find(version: str) -> bool:
    """Put the folder of a working interpreter in front of PATH, where nox looks for it."""
    python = next(filter(works, interpreters(version)), None)
    if python is None:
        return False
    if str(python) != shutil.which(python.name):
        os.environ["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return True


PYTHONS = [version for version in SUPPORTED if find(version)]
MISSING = [version for version in SUPPORTED if version not in PYTHONS]
if not PYTHONS:
    # A newer Python alone still has to work; an older one is refused by pip with a clear sentence.
    PYTHONS = [f"{sys.version_info.major}.{sys.version_info.minor}"]

nox.needs_version = ">=2024.10"
nox.options.sessions = ["lint", "types", "tests", "wheel", "docs"]
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True


def install(session: nox.Session, group: str, *, package: bool = True) -> None:
    """Install a dependency group of pyproject.toml and, mostly, sfauth itself with all its extras."""
    requirements = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), group)
    session.install(*(["-e", ".[all]"] if package else []), *requirements)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, likely bugs and format."""
    install(session, "lint", package=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy in strict mode; basedpyright over what a user writes."""
    install(session, "types")
    session.run("mypy")
    # Told where to look, or it takes a .venv that lies in the folder.
    session.run("basedpyright", "--pythonpath", shutil.which("python", path=session.bin) or "python")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests with coverage on the oldest Python that is found here; on the others all but `HEAVY`.

    The Pythons between the oldest and the newest run on plain asyncio only.
    """
    if first := session.python == PYTHONS[0]:
        for version in MISSING:
            session.warn(f"NOT TESTED on Python {version}: no such interpreter on this machine.")
    install(session, "test")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    if not first:
        newest = session.python == PYTHONS[-1]
        loops = [] if newest else ["-k", "not uvloop and not trio"]
        session.run("pytest", *loops, *(f"--ignore={path}" for path in HEAVY))
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest")
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    session.run("coverage", "report", f"--include={','.join(FULLY_COVERED)}", "--fail-under=100")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel that users get: built, installed without any extra, and tried outside this tree."""
    outside = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(outside), str(HERE))
    built = max(outside.glob("sfauth-*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--force-reinstall", str(built))
    version = nox.project.load_toml("pyproject.toml")["project"]["version"]
    smoke = shutil.copy(HERE / "tests" / "wheel_smoke.py", outside)
    session.chdir(outside)
    session.run("python", "-W", "error", smoke, version, str(HERE))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors, and run the code that it shows."""
    install(session, "docs")
    # The variable silences a notice about MkDocs' successor; Zensical reads the same mkdocs.yml when its time has come.
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("pytest", "tests/test_documentation.py")


@nox.session
def bench(session: nox.Session) -> None:
    """The table of ratios in benchmarks/. Never a pass or fail: a timed test fails for reasons of its own."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)
