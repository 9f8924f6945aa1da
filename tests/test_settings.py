"""Orgs out of environment variables or a TOML file: what is missing or contradicts is named, what is secret is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import (
    ClientCredentialsGrant,
    ConfigurationError,
    JWTBearerGrant,
    Org,
    RefreshTokenGrant,
    SfauthError,
    TokenManager,
    UsernamePasswordGrant,
)
from sfauth.grants import username_password
from sfauth.settings import read_environment, read_file
from sfauth.simulator import Simulator
from sfauth.simulator.keys import KeyRing
from sfauth.testing import VirtualClock

SECRET = "topsecret-E2A8F1C0"
URL = "https://acme.my.salesforce.com"
BASE = {"SFAUTH_ORG": URL, "SFAUTH_CLIENT_ID": "3MVG9key"}

Toml = Callable[[str], Path]


@pytest.fixture(autouse=True)
def warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(username_password, "_warn_once", lambda: None)


@pytest.fixture(scope="module")
def pem() -> str:
    return KeyRing().app.private_key_pem


@pytest.fixture
def toml(tmp_path: Path) -> Toml:
    def write(text: str) -> Path:
        path = tmp_path / "sfauth.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def one(environ: Mapping[str, str]) -> Any:
    ((key, grant, org),) = read_environment(environ)
    assert key == "default"
    assert org == Org(URL)
    return grant


def refused(environ: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_environment(environ)
    return told(raised.value)


def refused_file(path: Path, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_file(path, environ)
    return told(raised.value)


def told(error: BaseException) -> str:
    assert SECRET not in "\n".join(everything_in(error, set()))
    return str(error)


def everything_in(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Crash reporters walk ``__context__`` whether or not ``from None`` hides it."""
    if error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from (str(error), repr(error), repr(getattr(error, "__dict__", {})), repr(getattr(error, "doc", "")))
        yield from everything_in(error.__cause__, seen)
        yield from everything_in(error.__context__, seen)


# ── the environment: one org ──


def test_a_client_secret_means_client_credentials() -> None:
    grant = one({**BASE, "SFAUTH_CLIENT_SECRET": SECRET})

    assert grant == ClientCredentialsGrant(client_id="3MVG9key", client_secret=SECRET)


def test_the_way_to_authenticate_the_client_may_be_chosen() -> None:
    grant = one({**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_CLIENT_AUTH": "basic"})

    assert grant.client_auth == "basic"


def test_a_username_and_a_key_mean_jwt_bearer(pem: str) -> None:
    grant = one({**BASE, "SFAUTH_USERNAME": "etl@acme.com", "SFAUTH_PRIVATE_KEY": pem, "SFAUTH_AUDIENCE": "https://x"})

    assert grant == JWTBearerGrant(client_id="3MVG9key", username="etl@acme.com", private_key=pem, audience="https://x")


def test_a_key_without_a_username_means_client_credentials(pem: str) -> None:
    assert one({**BASE, "SFAUTH_PRIVATE_KEY": pem}) == ClientCredentialsGrant(client_id="3MVG9key", private_key=pem)


def test_a_refresh_token_means_itself() -> None:
    grant = one({**BASE, "SFAUTH_REFRESH_TOKEN": SECRET, "SFAUTH_CLIENT_SECRET": SECRET})

    assert grant == RefreshTokenGrant(client_id="3MVG9key", refresh_token=SECRET, client_secret=SECRET)


def test_a_password_means_username_password() -> None:
    grant = one(
        {
            **BASE,
            "SFAUTH_USERNAME": "etl@acme.com",
            "SFAUTH_PASSWORD": SECRET,
            "SFAUTH_CLIENT_SECRET": SECRET,
            "SFAUTH_SECURITY_TOKEN": "abc",
        }
    )

    assert grant == UsernamePasswordGrant(
        client_id="3MVG9key", client_secret=SECRET, username="etl@acme.com", password=SECRET, security_token="abc"
    )


def test_a_file_is_kept_as_a_path_to_be_read_again_each_time(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    assert one({**BASE, "SFAUTH_CLIENT_SECRET_FILE": str(path)}).client_secret == path


def test_a_secret_may_be_in_a_variable_of_another_name() -> None:
    grant = one({**BASE, "SFAUTH_CLIENT_SECRET_ENV": "VAULT_ACME", "VAULT_ACME": SECRET})

    assert grant.client_secret == SECRET


def test_the_org_may_be_trusted_or_called_a_sandbox() -> None:
    environ = {
        **BASE,
        "SFAUTH_ORG": "https://login.example.com",
        "SFAUTH_TRUSTED_HOSTS": "login.example.com, other.example.com",
        "SFAUTH_SANDBOX": "TRUE",
        "SFAUTH_CLIENT_SECRET": SECRET,
    }
    ((_, _, org),) = read_environment(environ)

    assert org == Org(
        "https://login.example.com", trusted_hosts=["login.example.com", "other.example.com"], sandbox=True
    )


def test_another_prefix_may_be_used() -> None:
    ((key, _, _),) = read_environment(
        {"ACME_ORG": URL, "ACME_CLIENT_ID": "3MVG9key", "ACME_CLIENT_SECRET": SECRET}, prefix="ACME"
    )

    assert key == "default"


def test_empty_variables_count_as_missing() -> None:
    """What ``docker run -e NAME=`` and an unset CI secret leave behind."""
    environ = dict.fromkeys(["SFAUTH_ORGS", "SFAUTH_USERNAME", "SFAUTH_REFRESH_TOKEN", "SFAUTH_PRIVATE_KEY_FILE"], "")

    assert isinstance(one({**BASE, **environ, "SFAUTH_CLIENT_SECRET": SECRET}), ClientCredentialsGrant)


# ── the environment: several orgs ──


def test_several_orgs_have_variables_of_their_own() -> None:
    entries = read_environment(
        {
            "SFAUTH_ORGS": "acme, globex-eu,",
            "SFAUTH_ACME_ORG": URL,
            "SFAUTH_ACME_CLIENT_ID": "key1",
            "SFAUTH_ACME_CLIENT_SECRET": SECRET,
            "SFAUTH_GLOBEX_EU_ORG": "globex",
            "SFAUTH_GLOBEX_EU_CLIENT_ID": "key2",
            "SFAUTH_GLOBEX_EU_CLIENT_SECRET": SECRET,
        }
    )

    assert [(key, grant.client_id, org) for key, grant, org in entries] == [
        ("acme", "key1", Org(URL)),
        ("globex-eu", "key2", Org("globex")),
    ]


@pytest.mark.parametrize("listed", ["acme-eu,acme_eu", "acme,ACME", "acme,acme"])
def test_two_orgs_that_would_read_the_same_variables_are_refused(listed: str) -> None:
    message = refused(
        {
            "SFAUTH_ORGS": listed,
            **{
                f"SFAUTH_{name}_{field}": value
                for name in ("ACME", "ACME_EU")
                for field, value in {"ORG": URL, "CLIENT_ID": "key", "CLIENT_SECRET": SECRET}.items()
            },
        }
    )

    assert "SFAUTH_ACME" in message


def test_a_single_org_beside_a_list_of_orgs_is_refused_and_not_left_out_in_silence() -> None:
    message = refused(
        {
            **BASE,
            "SFAUTH_CLIENT_SECRET": SECRET,
            "SFAUTH_ORGS": "globex",
            "SFAUTH_GLOBEX_ORG": "globex",
            "SFAUTH_GLOBEX_CLIENT_ID": "key",
            "SFAUTH_GLOBEX_CLIENT_SECRET": SECRET,
        }
    )

    assert "SFAUTH_ORGS" in message
    assert re.search(r"SFAUTH_(ORG|CLIENT_ID|CLIENT_SECRET)\b", message)


# ── the environment: what is wrong is named ──


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        pytest.param({}, ["SFAUTH_ORG"], id="nothing at all"),
        pytest.param({"SFAUTH_CLIENT_ID": "x"}, ["SFAUTH_ORG"], id="no org"),
        pytest.param({"SFAUTH_ORG": URL}, ["SFAUTH_CLIENT_ID"], id="no client id"),
        pytest.param(BASE, ["SFAUTH_CLIENT_SECRET", "SFAUTH_PRIVATE_KEY"], id="no secret"),
        pytest.param({"SFAUTH_ORGS": "acme"}, ["SFAUTH_ACME_ORG"], id="a listed org without variables"),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_CLIENT_SECRET_FILE": "/x"},
            ["SFAUTH_CLIENT_SECRET", "SFAUTH_CLIENT_SECRET_FILE"],
            id="a secret given twice",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET_ENV": "GONE"}, ["SFAUTH_CLIENT_SECRET_ENV", "GONE"], id="a variable not set"
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_USERNAME": "a@b.c"},
            ["SFAUTH_USERNAME"],
            id="a username that nothing uses",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_AUDIENCE": "https://x"},
            ["SFAUTH_AUDIENCE"],
            id="an audience that nothing uses",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_PRIVATE_KEY_FILE": "/x", "SFAUTH_USERNAME": "a@b.c"},
            ["SFAUTH_CLIENT_SECRET"],
            id="JWT bearer with a secret",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_PASSWORD": SECRET},
            ["SFAUTH_USERNAME"],
            id="a password without a username",
        ),
        pytest.param(
            {**BASE, "SFAUTH_USERNAME": "a@b.c", "SFAUTH_PASSWORD": SECRET},
            ["SFAUTH_CLIENT_SECRET"],
            id="a password without a client secret",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_PRIVATE_KEY_FILE": "/x"},
            ["SFAUTH_CLIENT_SECRET", "SFAUTH_PRIVATE_KEY_FILE"],
            id="a secret and a key",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_CLIENT_AUTH": "bsic"},
            ["SFAUTH_CLIENT_AUTH"],
            id="a way to authenticate that is none",
        ),
        pytest.param({**BASE, "SFAUTH_PASSPHRASE": SECRET}, ["SFAUTH_PRIVATE_KEY"], id="a passphrase without a key"),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_SANDBOX": "maybe"},
            ["SFAUTH_SANDBOX"],
            id="a sandbox that may be",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_ORG": "https://acme.lightning.force.com"},
            ["SFAUTH_ORG"],
            id="an org where nobody logs in",
        ),
        pytest.param(
            {**BASE, "SFAUTH_CLIENT_SECRET": SECRET, "SFAUTH_TRUSTED_HOSTS": "http://x"},
            ["SFAUTH_TRUSTED_HOSTS"],
            id="a trusted host that is none",
        ),
        pytest.param(
            {**BASE, "SFAUTH_USERNAME": "a@b.c", "SFAUTH_PRIVATE_KEY": SECRET},
            ["SFAUTH_PRIVATE_KEY"],
            id="a key that is none",
        ),
    ],
)
def test_what_is_missing_or_contradicts_is_named_as_the_reader_wrote_it(
    environ: Mapping[str, str], named: list[str]
) -> None:
    message = refused(environ)

    words = set(re.findall(r"[A-Z_]{4,}", message))
    assert set(named) <= words


def test_a_wrong_entry_among_several_says_which_org() -> None:
    message = refused(
        {"SFAUTH_ORGS": "acme", "SFAUTH_ACME_ORG": URL, "SFAUTH_ACME_CLIENT_ID": "k", "SFAUTH_ACME_PASSWORD": SECRET}
    )

    assert message.startswith("[acme]")


@given(
    st.dictionaries(
        st.sampled_from(
            [
                f"SFAUTH_{name}{way}"
                for name in ("ORG", "ORGS", "CLIENT_ID", "USERNAME", "CLIENT_SECRET", "PRIVATE_KEY", "REFRESH_TOKEN")
                for way in ("", "_FILE", "_ENV")
            ]
        ),
        st.sampled_from([URL, "acme", "a@b.c", "", "-----BEGIN PRIVATE KEY-----"]) | st.text(max_size=10),
    )
)
def test_no_environment_raises_anything_but_a_configuration_error(environ: dict[str, str]) -> None:
    with suppress(ConfigurationError):
        assert read_environment(environ)


# ── files ──


def test_a_file_describes_orgs_in_tables(toml: Toml, pem: str) -> None:
    path = toml(
        f"""
        [orgs.acme]
        org = "{URL}"
        client_id = "key1"
        username = "etl@acme.com"
        private_key_file = "keys/server.key"

        [orgs."globex eu"]
        org = "https://login.example.com"
        sandbox = true
        trusted_hosts = ["login.example.com"]
        client_id = "key2"
        client_secret_env = "GLOBEX"
        client_auth = "basic"
        """
    )

    acme, globex = read_file(path, {"GLOBEX": SECRET})
    key = path.parent / "keys" / "server.key"
    assert acme == ("acme", JWTBearerGrant(client_id="key1", username="etl@acme.com", private_key=key), Org(URL))
    assert globex == (
        "globex eu",
        ClientCredentialsGrant(client_id="key2", client_secret=SECRET, client_auth="basic"),
        Org("https://login.example.com", sandbox=True, trusted_hosts=["login.example.com"]),
    )


def test_an_absolute_path_stays_what_it_is(toml: Toml, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "secret"
    path = toml(f'[orgs.acme]\norg = "{URL}"\nclient_id = "k"\nclient_secret_file = {str(secret)!r}\n')

    ((_, grant, _),) = read_file(path)
    assert isinstance(grant, ClientCredentialsGrant)
    assert grant.client_secret == secret


def test_without_an_environment_the_processs_own_counts(toml: Toml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFAUTH_TEST_SECRET", SECRET)
    path = toml(f'[orgs.acme]\norg = "{URL}"\nclient_id = "k"\nclient_secret_env = "SFAUTH_TEST_SECRET"\n')

    ((_, grant, _),) = read_file(path)
    assert isinstance(grant, ClientCredentialsGrant)
    assert grant.client_secret == SECRET


GOOD = f'org = "{URL}"\nclient_id = "k"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", ["no org", "[orgs.acme]"], id="empty"),
        pytest.param("[orgs]", ["no org"], id="no table"),
        pytest.param("orgs = 5", ["no org"], id="a number"),
        pytest.param("[[orgs]]\norg = 'acme'", ["no org"], id="an array"),
        pytest.param("[orgs]\nacme = 'https://acme'", ["no org"], id="a text for a table"),
        pytest.param(f"[orgs.acme]\nclient_secret = '{SECRET}' oops\n", ["not valid TOML", "line 2"], id="broken"),
        pytest.param("[orgs.acme]\n" + GOOD, ["[orgs.acme] client_secret"], id="no secret"),
        pytest.param(f"[orgs.acme]\nclient_id = 'k'\nclient_secret = '{SECRET}'", ["[orgs.acme] org"], id="no org url"),
        pytest.param(f"[orgs.acme]\norg = 'acme'\nclient_secret = '{SECRET}'", ["client_id"], id="no client id"),
        pytest.param(
            f"[orgs.acme]\n{GOOD}clientsecret = '{SECRET}'",
            ["[orgs.acme] clientsecret", "client_secret_file"],
            id="typo",
        ),
        pytest.param(f"[orgs.acme]\n{GOOD}client_secret = 5", ["[orgs.acme] client_secret"], id="a secret of digits"),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret_file = 5", ["[orgs.acme] client_secret_file"], id="a path of digits"
        ),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\nclient_secret_env = 'X'",
            ["client_secret", "client_secret_env"],
            id="a secret given twice",
        ),
        pytest.param(f"[orgs.acme]\n{GOOD}client_secret_env = 'GONE'", ["client_secret_env", "GONE"], id="not set"),
        pytest.param(
            f"[orgs.acme]\norg = 5\nclient_id = 'k'\nclient_secret = '{SECRET}'", ["[orgs.acme] org"], id="org: number"
        ),
        pytest.param(
            f"[orgs.acme]\norg = 'acme'\nclient_id = 5\nclient_secret = '{SECRET}'",
            ["client_id"],
            id="client id: number",
        ),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\ntrusted_hosts = 5", ["trusted_hosts"], id="hosts: number"
        ),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\ntrusted_hosts = [5]", ["trusted"], id="hosts: numbers"
        ),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\nsandbox = 'maybe'", ["sandbox"], id="sandbox: text"
        ),
        pytest.param(f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\nsandbox = 3", ["sandbox"], id="sandbox: number"),
        pytest.param(
            f"[orgs.acme]\n{GOOD}client_secret = '{SECRET}'\nclient_auth = ['basic']", ["client_auth"], id="auth: list"
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named(toml: Toml, text: str, words: list[str]) -> None:
    path = toml(text)
    message = refused_file(path, {})

    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("field", ["org", "username", "audience", "client_auth", "sandbox", "trusted_hosts"])
@pytest.mark.parametrize("value", ["5", "true", "1.5", "[]", "[1]", "{}", "1979-05-27", "''", "' '"])
def test_no_value_of_a_wrong_type_ends_in_a_traceback(toml: Toml, field: str, value: str) -> None:
    rest = "".join(line + "\n" for line in GOOD.splitlines() if not line.startswith(f"{field} "))
    try:
        read_file(toml(f"[orgs.acme]\n{rest}{field} = {value}\nclient_secret = '{SECRET}'\n"), {})
    except ConfigurationError as error:
        told(error)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "gone.toml") in refused_file(tmp_path / "gone.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert str(tmp_path) in refused_file(tmp_path)


def test_a_file_that_is_not_utf_8_is_named_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "sfauth.toml"
    path.write_bytes(f"[orgs.acme]\nclient_secret = '{SECRET}'\n".encode() + b"\xff\xfe")

    assert "not valid TOML" in refused_file(path)


# ── managers ──


def manager_options(clock: VirtualClock, simulator: Simulator) -> dict[str, Any]:
    return {"clock": clock, "transport": httpx.ASGITransport(app=simulator), "introspect": False}


@pytest.fixture(scope="module")
def keys() -> KeyRing:
    return KeyRing()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock, keys: KeyRing) -> Simulator:
    simulator = Simulator(now=clock.wall, sleep=clock.sleep)
    simulator.keys = keys
    simulator.add_org("acme")
    return simulator


async def test_a_manager_comes_out_of_the_environment(clock: VirtualClock, simulator: Simulator) -> None:
    org = simulator.orgs["acme"]
    environ = {
        "SFAUTH_ORG": org.my_domain,
        "SFAUTH_CLIENT_ID": org.app.client_id,
        "SFAUTH_CLIENT_SECRET": org.app.client_secret,
    }
    async with TokenManager.from_env(environ, **manager_options(clock, simulator)) as manager:
        assert (await manager.token("default")).org_id == org.org_id


async def test_a_manager_comes_out_of_a_file(toml: Toml, clock: VirtualClock, simulator: Simulator) -> None:
    org = simulator.orgs["acme"]
    (toml("").parent / "server.key").write_text(org.app.private_key_pem)
    path = toml(
        f"""
        [orgs.acme]
        org = "{org.my_domain}"
        client_id = "{org.app.client_id}"
        username = "{org.user.username}"
        private_key_file = "server.key"
        """
    )
    async with TokenManager.from_file(path, **manager_options(clock, simulator)) as manager:
        assert (await manager.token("acme")).org_id == org.org_id


async def test_a_rotated_secret_in_a_file_is_read_again(
    tmp_path: Path, clock: VirtualClock, simulator: Simulator
) -> None:
    org = simulator.orgs["acme"]
    secret = tmp_path / "secret"
    secret.write_text(org.app.client_secret + "\n")
    environ = {
        "SFAUTH_ORG": org.my_domain,
        "SFAUTH_CLIENT_ID": org.app.client_id,
        "SFAUTH_CLIENT_SECRET_FILE": str(secret),
    }
    async with TokenManager.from_env(environ, **manager_options(clock, simulator)) as manager:
        await manager.token("default")
        org.rotate_secret()
        with pytest.raises(SfauthError):
            await manager.refresh("default")
        secret.write_text(org.app.client_secret)
        await clock.advance(31)
        assert (await manager.refresh("default")).org_id == org.org_id
