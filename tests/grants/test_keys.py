"""Private keys: what is taken, and what is said about everything else."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfauth.errors import ConfigurationError
from sfauth.grants import keys as module
from sfauth.grants.keys import load_private_key
from sfauth.grants.pem import private_key_block

from .conftest import PASSPHRASE, Keys

GOOD = [
    "PKCS#8",
    "PKCS#1",
    "stripped",
    "Windows line ends",
    "literal \\n",
    "literal \\r\\n",
    "blanks for line breaks",
    "double quotes",
    "single quotes, literal \\n and blanks",
    "indented",
    "byte order mark",
    "certificate before",
    "certificate after",
    "attributes before",
]
ENCRYPTED = ["PKCS#8", "PKCS#1", "PKCS#1 with literal \\n", "PKCS#8 with blanks for line breaks"]


@pytest.fixture(autouse=True)
def _cold_cache():
    module._parse.cache_clear()


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """One item per key that cryptography parsed."""
    calls: list[bytes] = []
    parse = vars(module)["load_pem_private_key"]

    def counting(data, password):
        calls.append(data)
        return parse(data, password)

    monkeypatch.setattr(module, "load_pem_private_key", counting)
    return calls


def public_numbers(key):
    return key.raw_value.public_key().public_numbers()


def test_the_cases_below_are_all_that_the_fixture_has(keys: Keys):
    assert list(keys.good) == GOOD
    assert list(keys.encrypted) == ENCRYPTED
    assert set(keys.bad) == {name for name, _, _ in BAD}
    assert set(keys.binary) == {name for name, _, _ in BINARY}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["str", "bytes"])
def test_a_private_key_is_read_in_any_dress(keys: Keys, name: str, as_bytes: bool):
    text = keys.good[name]
    key = load_private_key(text.encode() if as_bytes else text)
    assert public_numbers(key) == keys.public.public_numbers()


@pytest.mark.parametrize("name", ENCRYPTED)
@pytest.mark.parametrize(
    "passphrase", [PASSPHRASE, PASSPHRASE.encode(), PASSPHRASE + "\n"], ids=["str", "bytes", "file"]
)
def test_an_encrypted_key_is_read_with_its_passphrase(keys: Keys, name: str, passphrase: str | bytes):
    assert public_numbers(load_private_key(keys.encrypted[name], passphrase)) == keys.public.public_numbers()


def test_a_passphrase_too_many_does_no_harm(pem: str):
    assert load_private_key(pem, "left over from the last key").is_private


@pytest.mark.parametrize("name", ENCRYPTED)
@pytest.mark.parametrize(
    ("passphrase", "said"),
    [(None, "encrypted, but there is no passphrase"), ("", "no passphrase"), ("battery staple", "wrong passphrase")],
)
def test_an_encrypted_key_without_its_passphrase_says_so(keys: Keys, name: str, passphrase: str | None, said: str):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_private_key(keys.encrypted[name], passphrase)
    assert "battery" not in str(caught.value)


BAD = [
    ("EC, SEC1", "not RSA but EC", "rsa:2048"),
    ("EC, PKCS#8", "not RSA but EC", "rsa:2048"),
    ("Ed25519", "not RSA but Ed25519", "rsa:2048"),
    ("DSA, PKCS#8", "not RSA but DSA", "rsa:2048"),
    ("1024 bits", "has 1024 bits", "rsa:2048"),
    ("public", "is a public key", "private key that belongs to it"),
    ("public, PKCS#1", "is a public key", "private key that belongs to it"),
    ("public, OpenSSH", "is an OpenSSH public key", "private key"),
    ("certificate", "is a certificate", "server.key"),
    ("request", "is a certificate request", "server.key"),
    ("OpenSSH", "OpenSSH's format", "ssh-keygen -p -m PEM"),
    ("cut off", "cut off", "whole file"),
    ("first line only", "cut off", "whole file"),
    ("damaged", "is damaged", "openssl pkey"),
    ("not ASCII", "is damaged", "openssl pkey"),
    ("no frame", "without PEM's BEGIN and END", "whole file"),
]


@pytest.mark.parametrize(("name", "said", "advice"), BAD, ids=[name for name, _, _ in BAD])
def test_anything_else_in_its_place_is_named_with_advice(keys: Keys, name: str, said: str, advice: str):
    text = keys.bad[name]
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_private_key(text)
    assert advice in str(caught.value.hint)
    assert_nothing_of(text, caught.value)


BINARY = [
    ("PKCS#12", "is PKCS#12", "openssl pkcs12"),
    ("DER, PKCS#8", "is DER", "openssl pkey -inform DER"),
    ("DER, PKCS#1", "is DER", "openssl pkey -inform DER"),
    ("JKS", "is a Java key store", "keytool"),
]


@pytest.mark.parametrize(("name", "said", "advice"), BINARY, ids=[name for name, _, _ in BINARY])
def test_binary_formats_are_named_with_the_command_that_converts_them(keys: Keys, name: str, said: str, advice: str):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_private_key(keys.binary[name])
    assert advice in str(caught.value.hint)


def test_base64_of_a_pem_file_is_named(pem: str):
    with pytest.raises(ConfigurationError, match="base64 of a PEM file"):
        load_private_key(base64.b64encode(pem.encode()))


def test_a_puttygen_file_is_named():
    with pytest.raises(ConfigurationError, match="PuTTY's format") as caught:
        load_private_key("PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: none\r\nComment: imported-openssh-key\r\n")
    assert "PuTTYgen" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        "server.key",
        "/etc/sfauth/server.key",
        "./keys/server",
        "~/server.pem",
        "C:\\news\\server.key",
        "a b.pem",
        "k.p12",
    ],
)
def test_a_file_name_is_told_from_a_key_and_not_repeated(text: str):
    with pytest.raises(ConfigurationError, match="looks like a file name") as caught:
        load_private_key(text)
    assert "pathlib.Path" in str(caught.value.hint)
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "  \n", '""', b"", b"\xef\xbb\xbf"])
def test_an_empty_key_is_empty(text: str | bytes):
    with pytest.raises(ConfigurationError, match="private_key is empty"):
        load_private_key(text)


@pytest.mark.parametrize("text", ["hunter2", "3MVG9abc", "ab/cd+ef=="])
def test_other_text_is_not_pem(text: str):
    with pytest.raises(ConfigurationError, match="is not PEM") as caught:
        load_private_key(text)
    assert text not in str(caught.value)


@given(st.text(st.characters(exclude_categories=())) | st.binary())
def test_no_text_does_worse_than_a_configuration_error(text: str | bytes):
    with pytest.raises(ConfigurationError) as caught:
        private_key_block(text, has_passphrase=False)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(data=st.data())
@settings(max_examples=50)
def test_a_key_changed_anywhere_is_read_or_refused_without_a_trace_of_it(data: st.DataObject, pem: str):
    position = data.draw(st.integers(0, len(pem) - 1))
    changed = pem[:position] + data.draw(st.characters(exclude_categories=())) + pem[position + 1 :]
    try:
        load_private_key(changed)
    except ConfigurationError as problem:
        assert_nothing_of(pem, problem)


def test_five_thousand_orgs_with_one_key_parse_it_once(pem: str, parses: list[bytes]):
    # Fresh copies, as each org's configuration reads its own.
    for _ in range(5_000):
        load_private_key(bytes(bytearray(pem.encode())))
    assert len(parses) == 1


def test_threads_at_a_cold_start_parse_a_key_at_most_once_each(pem: str, parses: list[bytes]):
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(load_private_key, [pem] * 200))
    assert len(parses) <= 8
    assert {public_numbers(key) for key in keys} == {public_numbers(keys[0])}


def test_the_same_key_in_another_dress_is_not_parsed_again(keys: Keys, parses: list[bytes]):
    for name in GOOD:
        load_private_key(keys.good[name], "ignored")
    assert len(parses) == 2  # PKCS#8 and PKCS#1


def test_a_cached_key_is_not_given_to_those_with_a_wrong_passphrase(keys: Keys, parses: list[bytes]):
    text = keys.encrypted["PKCS#8"]
    load_private_key(text, PASSPHRASE)
    with pytest.raises(ConfigurationError, match="wrong passphrase"):
        load_private_key(text, PASSPHRASE + "!")
    with pytest.raises(ConfigurationError, match="no passphrase"):
        load_private_key(text)
    assert len(parses) == 2


def test_a_refusal_is_not_cached_as_a_key(keys: Keys, parses: list[bytes]):
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            load_private_key(keys.bad["1024 bits"])
    assert len(parses) == 2


def test_the_cache_is_bounded():
    assert module._parse.cache_info().maxsize


def assert_nothing_of(text: str, problem: BaseException | None) -> None:
    """No line of the text in the error or whatever hangs on it."""
    lines = [line for line in text.splitlines() if len(line) > 20 and "-----" not in line]
    while problem is not None:
        told = str(problem) + repr(problem) + repr(problem.args) + repr(vars(problem))
        assert not any(line in told or line[:20] in told for line in lines)
        problem = problem.__cause__ or problem.__context__
