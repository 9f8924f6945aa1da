"""`sfauth.cli`: the commands, and what somebody reads who has no extra, or no idea."""

from __future__ import annotations

import argparse
import re
from importlib import import_module

import pytest

from sfauth.cli import COMMANDS

from .conftest import ROOT


def test_help_names_every_command(sfauth):
    shown = sfauth("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in COMMANDS)


def test_help_needs_no_extra(sfauth_without):
    for module in ("rich", "starlette", "jwt", "uvicorn"):
        assert sfauth_without(module, "--help").returncode == 0


def test_the_version_is_told(sfauth):
    shown = sfauth("--version")
    assert shown.returncode == 0
    assert shown.stdout.startswith("sfauth ")


@pytest.mark.parametrize("arguments", [[], ["nope"], ["demo", "--nope"], ["simulate", "--nope"], ["demo", "extra"]])
def test_misuse_is_exit_status_2_and_a_usage_line(sfauth, arguments):
    shown = sfauth(*arguments)
    assert shown.returncode == 2
    assert shown.stderr.startswith("usage: sfauth")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("module", ["starlette", "uvicorn", "jwt", "python_multipart"])
def test_a_missing_extra_is_one_sentence_that_names_it(sfauth_without, command, module):
    shown = sfauth_without(module, command)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr == (f'sfauth {command} needs {module}, which comes with an extra: pip install "sfauth[all]"\n')


def test_a_missing_module_of_no_extra_is_a_bug_and_looks_like_one(sfauth_without):
    assert "Traceback" in sfauth_without("sfauth.demo.stage", "demo").stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_on_the_reference_page(command):
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    section = re.search(rf"^## `sfauth {command}`$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, f"no section for sfauth {command}"
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[command].module, "sfauth.cli").add_arguments(parser)
    options = {
        option
        for action in parser._actions
        for option in action.option_strings
        if action.help is not argparse.SUPPRESS and option.startswith("--")
    }
    assert set(re.findall(r"`(--[\w-]+)", section[1])) == options - {"--help"}
