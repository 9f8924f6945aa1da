"""RSA keys of the simulator: one pair for its apps, one to sign JWT access tokens. Both are made when first needed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(frozen=True, slots=True)
class AppKey:
    """What an administrator makes for an app: the private key for the client, the certificate to upload.

    Attributes:
        private_key_pem: PKCS#8, not encrypted. Kept only so that tests can hand it to the client under test.
        certificate_pem: self-signed X.509 with the public key; this is all that verifies an assertion.
    """

    private_key_pem: str = field(repr=False)
    certificate_pem: str

    @classmethod
    def generate(cls) -> AppKey:
        """A new pair of 2048 bits, valid from 2020 to 2120 so that virtual clocks stay inside."""
        return cls.from_private_key(_generate())

    @classmethod
    def from_private_key(cls, key: RSAPrivateKey | str | bytes) -> AppKey:
        """The pair of a given private key (an object of `cryptography`, or an unencrypted PEM)."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey as RSA

        if isinstance(key, (str, bytes)):
            loaded = serialization.load_pem_private_key(key.encode() if isinstance(key, str) else key, None)
            if not isinstance(loaded, RSA):
                raise TypeError("Salesforce's connected apps take RSA keys only")
            key = loaded
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sfauth simulator")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
            .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
            .sign(key, hashes.SHA256())
        )
        private_key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(private_key_pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())


def public_key_of(certificate_pem: str) -> RSAPublicKey:
    """The key that verifies what the certificate's owner signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey as RSA

    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    if not isinstance(key, RSA):
        raise TypeError("Salesforce's connected apps take RSA certificates only")
    return key


class KeyRing:
    """The keys of one simulator."""

    @cached_property
    def app(self) -> AppKey:
        """Shared by all apps that bring no key of their own: a 2048-bit key takes a tenth of a second to make."""
        return AppKey.generate()

    @cached_property
    def signing(self) -> RSAPrivateKey:
        """Signs JWT access tokens. Orgs publish it under a key id (`kid`) of their own."""
        return _generate()


def _generate() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
