"""The package's own face."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sfauth.simulator


def test_the_public_names_are_there():
    assert sfauth.simulator.__all__ == ["App", "Fault", "RunningServer", "SimulatedOrg", "Simulator", "User"]
    for name in sfauth.simulator.__all__:
        assert getattr(sfauth.simulator, name).__name__ == name


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        getattr(sfauth.simulator, "Nothing")  # noqa: B009


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_it_loads_nothing_heavy():
    code = "import sys, sfauth.simulator; print({'starlette', 'jwt', 'uvicorn', 'cryptography'} & set(sys.modules))"
    assert run(code).stdout == "set()\n"


def test_it_says_which_extra_is_missing():
    code = "import sys; sys.modules['starlette'] = None; from sfauth.simulator import Simulator"
    assert "pip install 'sfauth[simulator]'" in run(code).stderr
