"""`sfauth.credentials`: secrets as values, paths and callables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import ConfigurationError, LoginRequiredError, TryLaterError
from sfauth.credentials import fingerprint, is_dynamic, resolve, store_key
from sfauth.org import Org
from tests.support import ACME, credentials, refresh_token_grant


async def test_a_plain_grant_is_resolved_as_it_is():
    grant = credentials()
    assert await resolve(grant) is grant
    assert not is_dynamic(grant)


async def test_a_path_is_read_each_time(tmp_path):
    path = tmp_path / "secret"
    grant = credentials(client_secret=path)
    assert is_dynamic(grant)
    for secret in ("first", "second"):
        path.write_text(secret)
        assert (await resolve(grant)).client_secret == secret
    assert grant.client_secret == path


async def test_a_callable_is_called_each_time():
    secrets = iter(["first", "second"])
    grant = credentials(client_secret=lambda: next(secrets))
    assert is_dynamic(grant)
    assert [(await resolve(grant)).client_secret for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize("secret", ["text", b"bytes"])
async def test_a_callable_may_be_a_coroutine_and_give_text_or_bytes(secret):
    async def ask():
        return secret

    assert (await resolve(credentials(client_secret=ask))).client_secret in ("text", "bytes")


async def test_several_secrets_are_read_one_by_one(tmp_path):
    (tmp_path / "secret").write_text("the secret")
    grant = refresh_token_grant(lambda: "5Aep861asked", client_secret=tmp_path / "secret")
    resolved = await resolve(grant)
    assert (resolved.client_secret, resolved.refresh_token) == ("the secret", "5Aep861asked")


async def test_a_file_that_is_not_there_is_a_matter_of_configuration(tmp_path):
    with pytest.raises(ConfigurationError, match=r"client_secret can't be read: No such file.*nowhere") as error:
        await resolve(credentials(client_secret=tmp_path / "nowhere"))
    assert "path" in str(error.value.hint)
    assert error.value.__cause__ is None


async def test_a_directory_is_no_secret(tmp_path):
    with pytest.raises(ConfigurationError, match="can't be read"):
        await resolve(credentials(client_secret=tmp_path))


@pytest.mark.parametrize("content", [b"", b"  \n"])
async def test_an_empty_file_is_a_matter_of_configuration(tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigurationError, match="client_secret is empty"):
        await resolve(credentials(client_secret=tmp_path / "secret"))


async def test_what_a_callable_raises_is_worth_another_try():
    def ask():
        raise ConnectionError("vault is sealed")

    with pytest.raises(TryLaterError, match="client_secret raised ConnectionError") as error:
        await resolve(credentials(client_secret=ask))
    assert isinstance(error.value.__cause__, ConnectionError)


async def test_a_callable_may_say_itself_what_is_to_be_done():
    def ask():
        raise LoginRequiredError("The user has logged out.")

    with pytest.raises(LoginRequiredError, match="logged out"):
        await resolve(credentials(client_secret=ask))


@pytest.mark.parametrize("value", [None, 5, ["secret"]])
async def test_a_callable_that_gives_something_else_than_text_is_a_mistake(value):
    with pytest.raises(ConfigurationError, match=f"returned {type(value).__name__}"):
        await resolve(credentials(client_secret=lambda: value))


def test_the_fingerprint_holds_no_secret_and_changes_with_each_of_them():
    grants = [
        refresh_token_grant("5Aep861first"),
        refresh_token_grant("5Aep861other"),
        refresh_token_grant("5Aep861first", client_secret="another"),
    ]
    prints = [fingerprint(grant) for grant in grants]
    assert len(set(prints)) == 3
    for text in prints:
        for secret in ("5Aep861first", "5Aep861other", "consumer-secret-1", "another"):
            assert secret not in text


@given(st.tuples(st.text("ab:", min_size=1), st.text("ab:", min_size=1)), st.data())
def test_no_two_pairs_of_secrets_have_one_fingerprint(pair, data):
    other = data.draw(st.tuples(st.text("ab:", min_size=1), st.text("ab:", min_size=1)))
    one, two = (refresh_token_grant(f"x{token}", client_secret=f"x{secret}") for token, secret in (pair, other))
    assert (fingerprint(one) == fingerprint(two)) == (pair == other)


def test_text_and_bytes_of_one_secret_are_one_identity():
    one, two = refresh_token_grant("5Aep861first"), refresh_token_grant(b"5Aep861first")
    assert fingerprint(one) == fingerprint(two)
    assert store_key(one, Org(ACME)) == store_key(two, Org(ACME))
