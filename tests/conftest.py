"""Shared by all tests: the three event loops, chance with a seed, and no silent skip."""

from __future__ import annotations

import os
import random
from importlib.util import find_spec

import hypothesis
import pytest

CI = bool(os.environ.get("CI"))

# No deadline: a slow machine is no bug. CI draws the same examples each time; new ones are found by contributors.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if CI else "local")


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(
            ("asyncio", {"use_uvloop": True}),
            id="uvloop",
            marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed"),
        ),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Every asynchronous test runs on each of these, unless its module overrides this fixture with one of them."""
    return request.param


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> random.Random:
    """Chance that is the same in each run of this test, and different in each test."""
    return random.Random(request.node.nodeid)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a test that can't run is a test that fails: nobody reads the list of skips of a green run."""
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"This test must run in CI, but was skipped. {_reason(report)}"
        report.outcome = "failed"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    _refuse_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.getreports("skipped") if not hasattr(report, "wasxfail")]
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} tests could not run on this machine", sep="!", red=True)
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {_reason(report).removeprefix('Skipped: ')}")
