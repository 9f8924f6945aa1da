"""The error tree: one class per decision, a text for the person on call, copies that don't share, nothing secret."""

from __future__ import annotations

import inspect
import pickle
import traceback

import pytest

from sfauth import errors
from sfauth.errors import (
    ConfigurationError,
    LoginRequiredError,
    ProtocolError,
    SfauthError,
    TokenRejectedError,
    TryLaterError,
    UnknownOrgError,
    UntrustedHostError,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]


def an_error(cls=ConfigurationError):
    return cls(
        "The app takes pre-authorized users only.",
        error="invalid_app_access",
        error_description="user is not admin approved",
        status=400,
        hint="Add the user's profile.",
        retry_after=2.5,
    )


@pytest.mark.parametrize(
    ("cls", "decision"),
    [
        (ConfigurationError, ConfigurationError),
        (UnknownOrgError, ConfigurationError),
        (UntrustedHostError, ConfigurationError),
        (TokenRejectedError, ConfigurationError),
        (LoginRequiredError, LoginRequiredError),
        (TryLaterError, TryLaterError),
        (ProtocolError, ProtocolError),
    ],
)
def test_each_error_is_exactly_one_decision_of_the_caller(cls, decision):
    decisions = (ConfigurationError, LoginRequiredError, TryLaterError, ProtocolError)
    assert [each for each in decisions if issubclass(cls, each)] == [decision]


def test_the_tree_in_the_docstring_is_the_tree():
    defined = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, SfauthError)}
    assert defined == set(errors.__all__)
    assert all(name in (errors.__doc__ or "") for name in defined)


def test_an_unknown_org_is_also_a_key_error_that_still_reads_well():
    error = UnknownOrgError("No org is called 'acme'.", hint="Add it first.")
    with pytest.raises(KeyError):
        raise error
    assert str(error) == "No org is called 'acme'.\n  What to do: Add it first."


def test_the_text_says_which_org_what_happened_what_salesforce_said_and_what_to_do():
    assert str(an_error().for_org("acme")) == (
        "[acme] The app takes pre-authorized users only.\n"
        "  Salesforce said: invalid_app_access: user is not admin approved (HTTP 400)\n"
        "  What to do: Add the user's profile."
    )


def test_the_text_leaves_out_what_is_not_known():
    assert str(ProtocolError("An empty body.")) == "An empty body."
    assert str(TryLaterError("Down.", error="server_error")) == "Down.\n  Salesforce said: server_error"
    assert str(TryLaterError("Down.", status=503, hint="Wait.")) == "Down.\n  What to do: Wait."


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_error_comes_back_whole(cls, protocol):
    error = an_error(cls).for_org("acme")
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is cls
    assert vars(back) == vars(error)
    assert (str(back), back.args) == (str(error), error.args)


@pytest.mark.parametrize("cls", CLASSES)
def test_each_waiter_gets_a_copy_that_names_its_org_and_leaves_the_original_alone(cls):
    shared = an_error(cls)
    shared.__cause__ = TimeoutError("slow")
    one, two = shared.for_org("one"), shared.for_org("two")
    assert (shared.org, one.org, two.org) == (None, "one", "two")
    assert type(one) is cls
    assert one.__cause__ is shared.__cause__
    assert one.args == shared.args
    one.hint = "changed"
    assert (shared.hint, two.hint) == ("Add the user's profile.", "Add the user's profile.")


def test_a_copy_has_a_traceback_of_its_own():
    shared = an_error()
    for key in ("one", "two", "three"):
        with pytest.raises(ConfigurationError):
            raise shared.for_org(key)
    assert shared.__traceback__ is None


def test_a_traceback_of_a_copy_does_not_drag_in_what_was_being_handled():
    try:
        try:
            raise RuntimeError("assertion=eyJhbGciOi")
        except RuntimeError:
            raise an_error().for_org("acme")  # noqa: B904 - the point of the test
    except ConfigurationError as error:
        shown = "".join(traceback.format_exception(error))
    assert "eyJ" not in shown


def test_the_representation_shows_the_message_alone():
    assert repr(an_error()) == "ConfigurationError('The app takes pre-authorized users only.')"
