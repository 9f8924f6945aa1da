"""Events say what happened, in values without a secret, and by default in the log."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from sfauth import (
    CertificateExpiring,
    Event,
    InstanceMoved,
    Reason,
    RefreshFailed,
    RefreshStarted,
    SessionRejected,
    StoreFailed,
    StoreRecovered,
    TokenAcquired,
    TokenInvalidated,
    TokenRevoked,
    events,
    log_event,
)

WHICH: dict[str, Any] = {"org": "acme", "generation": 7}
ALL: list[Event] = [
    RefreshStarted(**WHICH, reason=Reason.COLD),
    TokenAcquired(
        **WHICH, reason=Reason.DUE, seconds=0.25, waiters=3, lifetime=7200.0, lifetime_source="assumed", reissued=True
    ),
    RefreshFailed(
        **WHICH,
        reason=Reason.EXPIRED,
        error_class="TryLaterError",
        error="server_error",
        message="[acme] Salesforce is down.\n  What to do: wait.",
        retry_in=1.5,
        waiters=2,
        serving=False,
    ),
    SessionRejected(**WHICH, status=401, age=901.0, expected=7200.0),
    InstanceMoved(**WHICH, old="https://acme.my.salesforce.com", new="https://acme-1.my.salesforce.com"),
    TokenInvalidated(**WHICH),
    TokenRevoked(**WHICH),
    StoreFailed(**WHICH, message="[acme] The store is gone.", unsaved=True),
    StoreRecovered(**WHICH),
    CertificateExpiring(**WHICH, days_left=6.9),
]

each_event = pytest.mark.parametrize("event", ALL, ids=lambda event: event.name)


def test_every_kind_of_event_is_looked_at_here() -> None:
    kinds = {each for each in vars(events).values() if isinstance(each, type) and issubclass(each, Event)}

    assert {type(event) for event in ALL} == kinds - {Event}


def test_their_names_are_for_metrics_and_stay() -> None:
    assert [event.name for event in ALL] == [
        "refresh_started",
        "token_acquired",
        "refresh_failed",
        "session_rejected",
        "instance_moved",
        "token_invalidated",
        "token_revoked",
        "store_failed",
        "store_recovered",
        "certificate_expiring",
    ]


@each_event
def test_an_event_is_a_frozen_value_that_can_be_sent_to_another_process(event: Event) -> None:
    assert (event.org, event.generation) == ("acme", 7)
    assert pickle.loads(pickle.dumps(event)) == event
    assert dataclasses.replace(event) == event
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.org = "other"  # type: ignore[misc]


@each_event
def test_an_event_has_no_field_for_a_secret(event: Event) -> None:
    """What could hold one is not a field at all: tokens, grants, requests, exceptions."""
    kinds_of_values = {type(getattr(event, field.name)) for field in dataclasses.fields(event)}

    assert kinds_of_values <= {str, int, float, bool, Reason, type(None)}


@each_event
def test_the_default_hook_writes_one_record_that_carries_the_event(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "sfauth"):
        log_event(event)

    (record,) = caplog.records
    assert record.name == "sfauth"
    assert record.levelno == event.level
    assert record.sfauth is event  # type: ignore[attr-defined]
    line = record.getMessage()
    assert line.startswith(f"{event.name} org=acme ")
    assert "generation=7" in line


@pytest.mark.parametrize(
    ("event", "level"),
    [(ALL[0], logging.DEBUG), (ALL[1], logging.INFO), (ALL[2], logging.WARNING), (ALL[7], logging.WARNING)],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_somebody_has_to_look_at_is_a_warning(event: Event, level: int) -> None:
    assert event.level == level


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (ALL[0], "reason=cold"),
        (ALL[1], "seconds=0.250 waiters=3 lifetime=7200.000 lifetime_source=assumed reissued=True"),
        (ALL[2], "error=server_error"),
        (ALL[2], "\n  [acme] Salesforce is down.\n  What to do: wait."),
        (ALL[3], "status=401 age=901.000 expected=7200.000"),
        (ALL[4], "new=https://acme-1.my.salesforce.com"),
        (ALL[7], "\n  [acme] The store is gone."),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_line_reads_well(event: Event, part: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "sfauth"):
        log_event(event)

    assert part in caplog.text


def test_what_nobody_listens_to_is_not_even_formatted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    formatted: list[object] = []
    line: Callable[[Any], str] = lambda self: formatted.append(self) or ""  # type: ignore[func-returns-value]  # noqa: E731
    monkeypatch.setattr("sfauth.events._Line.__str__", line)
    with caplog.at_level(logging.ERROR, "sfauth"):
        for event in ALL:
            log_event(event)

    assert caplog.records == []
    assert formatted == []
