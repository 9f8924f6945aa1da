"""`sfauth demo` as a process, in short: what a user sees, and what a script gets."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from .conftest import ROOT, command

SHORT = ("demo", "--seconds", "3", "--orgs", "6", "--tasks", "30")
SHORTER = ("demo", "--seconds", "1.5", "--orgs", "6", "--tasks", "30")


def test_the_demo_ends_well_and_says_so(sfauth):
    shown = sfauth(*SHORT)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stderr == ""
    assert "org01: an admin ends its sessions" in shown.stdout
    assert "org02: moves to another instance" in shown.stdout
    assert figure(shown.stdout, "API requests") > 30
    assert figure(shown.stdout, "token requests per generation") == 1.0
    assert figure(shown.stdout, "requests with a dead token") == 0
    assert 1 <= figure(shown.stdout, "after the admin's revoke") <= 5
    assert 1 <= figure(shown.stdout, "after the move") <= 5
    assert figure(shown.stdout, "lost requests") == 0
    assert figure(shown.stdout, "token requests, wrong secret") == 1
    assert "Salesforce said: invalid_client: invalid client credentials (HTTP 400)" in shown.stdout
    assert shown.stdout.endswith("Every promise was kept.\n")


@pytest.mark.parametrize(
    ("spoiler", "promise"),
    [("api", "No request is lost"), ("token", "One token request per org and generation")],
)
def test_a_broken_promise_is_named_and_is_exit_status_1(sfauth, spoiler, promise):
    shown = sfauth(*SHORTER, "--spoil", spoiler)
    assert shown.returncode == 1
    assert f"- {promise}" in shown.stdout.partition("Broken promises:")[2]
    assert "Every promise" not in shown.stdout


def test_a_console_without_unicode_is_no_obstacle(sfauth):
    shown = sfauth(*SHORTER, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr


def test_a_proxy_is_not_asked_about_this_machine(sfauth):
    shown = sfauth(*SHORTER, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.mark.parametrize("arguments", [["--orgs", "3"], ["--tasks", "5"], ["--seconds", "0"]])
def test_too_small_a_stage_is_refused_in_a_sentence(sfauth, arguments):
    shown = sfauth("demo", *arguments)
    assert shown.returncode == 2
    assert shown.stderr == "sfauth demo: it takes 4 orgs or more, a task for each of them, and some time\n"


def test_a_terminal_shows_a_table_that_changes_in_place():
    screen = in_a_terminal(*SHORTER)
    assert "known from" in screen
    assert re.search(r"org06 client credentials opaque .*invalid_client", screen)
    assert "Every promise was kept." in screen


def test_plain_lines_can_be_had_in_a_terminal():
    screen = in_a_terminal(*SHORTER, "--plain")
    assert "known from" not in screen
    assert "Every promise was kept." in screen


def test_ctrl_c_ends_it_without_a_traceback_and_leaves_no_simulator():
    with subprocess.Popen(
        command("demo", "--orgs", "4", "--tasks", "4", "--seconds", "60"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while "answers" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        # The pipe that the simulator writes its own errors to has ended, so the simulator has, too.
        assert process.returncode == 130
        assert errors == ""


def figure(text: str, name: str) -> float:
    found = re.search(rf"^ +{re.escape(name)} +([\d,.]+)", text, re.MULTILINE)
    assert found, f"no {name!r} in {text}"
    return float(found[1].replace(",", ""))


def in_a_terminal(*arguments: str) -> str:
    """What a terminal of 100 columns was sent."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command(*arguments), cwd=ROOT, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        screen = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            screen += part
        assert process.wait(10) == 0, screen.decode()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
