"""Keys of every kind, made once per session, and the values that all grants' tests share."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from sfauth.grants import username_password

PASSPHRASE = "correct horse"


@dataclass(frozen=True)
class Keys:
    """One RSA key of 2048 bits in many dresses (text, by name), its public half, and things that are given instead."""

    good: dict[str, str]
    encrypted: dict[str, str]
    bad: dict[str, str]
    binary: dict[str, bytes]
    public: rsa.RSAPublicKey


def _pem(key, form=serialization.PrivateFormat.PKCS8, passphrase: str | None = None) -> str:
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sfauth")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=730))
        .sign(key, hashes.SHA256())
    )


@pytest.fixture(scope="session")
def keys() -> Keys:
    form = serialization.PrivateFormat
    key = rsa.generate_private_key(65537, 2048)
    pkcs8, pkcs1 = _pem(key), _pem(key, form.TraditionalOpenSSL)
    certificate = _certificate(key)
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    request = x509.CertificateSigningRequestBuilder().subject_name(certificate.subject).sign(key, hashes.SHA256())
    elliptic, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    public = key.public_key()

    def body(change: Callable[[str], str]) -> str:
        first, *lines, last = pkcs8.splitlines()
        return "\n".join([first, *map(change, lines), last])

    def der(private_format: serialization.PrivateFormat) -> bytes:
        return key.private_bytes(serialization.Encoding.DER, private_format, serialization.NoEncryption())

    return Keys(
        good={
            "PKCS#8": pkcs8,
            "PKCS#1": pkcs1,
            "stripped": pkcs8.strip(),
            "Windows line ends": pkcs8.replace("\n", "\r\n"),
            "literal \\n": pkcs8.replace("\n", "\\n"),
            "literal \\r\\n": pkcs8.replace("\n", "\\r\\n"),
            "blanks for line breaks": pkcs8.replace("\n", " "),
            "double quotes": f'"{pkcs8}"',
            "single quotes, literal \\n and blanks": "  '" + pkcs8.replace("\n", "\\n") + "' \n",
            "indented": pkcs8.replace("\n", "\n    "),
            "byte order mark": "\ufeff" + pkcs8,
            "certificate before": certificate_pem + pkcs8,
            "certificate after": pkcs1 + certificate_pem,
            "attributes before": "Bag Attributes\n    friendlyName: sfauth\nKey Attributes: <No Attributes>\n" + pkcs8,
        },
        encrypted={
            "PKCS#8": _pem(key, passphrase=PASSPHRASE),
            "PKCS#1": _pem(key, form.TraditionalOpenSSL, PASSPHRASE),
            "PKCS#1 with literal \\n": _pem(key, form.TraditionalOpenSSL, PASSPHRASE).replace("\n", "\\n"),
            "PKCS#8 with blanks for line breaks": _pem(key, passphrase=PASSPHRASE).replace("\n", " "),
        },
        bad={
            "EC, SEC1": _pem(elliptic, form.TraditionalOpenSSL),
            "EC, PKCS#8": _pem(elliptic),
            "Ed25519": _pem(edwards),
            "DSA, PKCS#8": _pem(dsa.generate_private_key(1024)),
            "1024 bits": _pem(rsa.generate_private_key(65537, 1024)),
            "public": public.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ).decode(),
            "public, PKCS#1": public.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.PKCS1
            ).decode(),
            "public, OpenSSH": public.public_bytes(
                serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            ).decode(),
            "certificate": certificate_pem,
            "request": request.public_bytes(serialization.Encoding.PEM).decode(),
            "OpenSSH": _pem(key, form.OpenSSH),
            "cut off": pkcs8[:900],
            "first line only": pkcs8.splitlines()[0],
            "damaged": body(lambda line: line.replace("A", "B")),
            "not ASCII": body(lambda line: line.replace("A", "Ä")),
            "no frame": "".join(pkcs8.splitlines()[1:-1]),
        },
        binary={
            "PKCS#12": pkcs12.serialize_key_and_certificates(
                b"sfauth", key, certificate, None, serialization.BestAvailableEncryption(PASSPHRASE.encode())
            ),
            "DER, PKCS#8": der(form.PKCS8),
            "DER, PKCS#1": der(form.TraditionalOpenSSL),
            "JKS": b"\xfe\xed\xfe\xed\x00\x00\x00\x02" + bytes(range(256)),
        },
        public=public,
    )


@pytest.fixture(scope="session")
def pem(keys: Keys) -> str:
    """A good private key."""
    return keys.good["PKCS#8"]


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The legacy warning is out already, as in a process that has made such a grant before."""
    monkeypatch.setattr(username_password, "_warn_once", lambda: None)
