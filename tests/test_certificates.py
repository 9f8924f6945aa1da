"""Key pairs that Salesforce takes, on disk and in time."""

from __future__ import annotations

import pickle
import stat
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sfauth import ConfigurationError, JWTBearerGrant
from sfauth.certificates import KeyPair, certificate_block, check_size, days_left, expires_at, new_key_pair, warning_due
from sfauth.grants.keys import load_private_key

NOW = 1_800_000_000.5


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return new_key_pair("acme etl", days=365, now=NOW)


def test_the_certificate_says_what_was_asked_for(pair: KeyPair) -> None:
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())

    assert certificate.subject.rfc4514_string() == "CN=acme etl"
    assert certificate.issuer == certificate.subject
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_before_utc.timestamp() == 1_800_000_000 - 3600
    assert certificate.not_valid_after_utc.timestamp() == 1_800_000_000 + 365 * 86_400


def test_key_and_certificate_belong_together_and_fit_the_grant(pair: KeyPair) -> None:
    JWTBearerGrant(client_id="3MVG9", username="etl@acme.com", private_key=pair.private_key)
    public = x509.load_pem_x509_certificate(pair.certificate.encode()).public_key()
    assert load_private_key(pair.private_key).public_key.public_numbers() == public.public_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize("bits", [2048, 4096])
def test_it_is_small_enough_for_salesforce(bits: int) -> None:
    check_size(new_key_pair("x" * 64, bits=bits, now=NOW).certificate)


@pytest.mark.parametrize(
    "options", [{"bits": 1024}, {"bits": 2049}, {"days": 0}, {"days": 3651}, {"common_name": ""}, {"common_name": "\n"}]
)
def test_what_salesforce_would_refuse_is_not_made(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        new_key_pair(now=NOW, **options)  # type: ignore[arg-type]


def test_too_large_a_certificate_is_told(pair: KeyPair) -> None:
    with pytest.raises(ConfigurationError, match="4096"):
        check_size(pair.certificate * 5)


def test_days_are_counted_down(pair: KeyPair) -> None:
    assert days_left(pair.certificate, NOW) == pytest.approx(365, abs=0.001)
    assert days_left(pair.certificate, NOW + 366 * 86_400) == pytest.approx(-1, abs=0.001)


def test_pem_der_and_chains_are_read(pair: KeyPair) -> None:
    der = x509.load_pem_x509_certificate(pair.certificate.encode()).public_bytes(Encoding.DER)
    chain = f"subject=CN = acme\n{pair.certificate}{new_key_pair(days=1, now=NOW).certificate}"
    assert expires_at(der) == expires_at(pair.certificate.encode()) == expires_at(f"\n{pair.certificate}")
    assert expires_at(certificate_block(chain)) == expires_at(pair.certificate)


@pytest.mark.parametrize(
    "text", ["", "garbage", b"\x00\x01", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_told(text: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="no certificate"):
        expires_at(text)


def test_a_private_key_in_place_of_the_certificate_is_told_and_not_shown(pair: KeyPair) -> None:
    for read in (expires_at, certificate_block):
        with pytest.raises(ConfigurationError) as raised:
            read(pair.private_key)
        assert pair.private_key.splitlines()[3] not in f"{raised.value}{raised.value.__context__!r}"


def test_the_private_key_is_not_shown_or_pickled(pair: KeyPair) -> None:
    assert "PRIVATE KEY" not in repr(pair)
    with pytest.raises(TypeError):
        pickle.dumps(pair)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_only_the_owner_reads_the_key_file(pair: KeyPair, tmp_path: Path) -> None:
    pair.write(tmp_path / "server.key", tmp_path / "server.crt")

    assert stat.S_IMODE((tmp_path / "server.key").stat().st_mode) == 0o600
    assert (tmp_path / "server.key").read_text() == pair.private_key
    assert (tmp_path / "server.crt").read_text() == pair.certificate


@pytest.mark.parametrize("name", ["server.key", "server.crt"])
def test_no_file_is_overwritten_and_none_left_behind(pair: KeyPair, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(ConfigurationError, match="exists"):
        pair.write(tmp_path / "server.key", tmp_path / "server.crt")

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(pair: KeyPair, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        pair.write(tmp_path / "no" / "server.key", tmp_path / "no" / "server.crt")


def test_warnings_become_more_frequent_and_are_never_repeated() -> None:
    warned_at, said = None, []
    for hours in range(40 * 24, -48, -6):
        if warning_due(hours / 24, warned_at):
            warned_at = hours / 24
            said.append(warned_at)

    assert said == [30, 14, 7, 3, 1, 0]


def test_whoever_starts_late_is_warned_once() -> None:
    assert warning_due(5.5, None)
    assert not warning_due(5.4, 5.5)
    assert warning_due(-100, 5.5)
    assert not warning_due(-101, -100)
