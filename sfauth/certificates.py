"""Key pairs and self-signed certificates for the JWT bearer flow and ``private_key_jwt``, and when they expire.

Salesforce Help, "Create a Private Key and Self-Signed Digital Certificate". cryptography is loaded when first needed.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from .errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["KeyPair", "days_left", "expires_at", "new_key_pair", "warning_due"]

LARGEST: Final = 4096
"""Bytes of a certificate that Salesforce takes ("4 KB"), as PEM."""

WARN_AT: Final = (30.0, 14.0, 7.0, 3.0, 1.0, 0.0)
"""Days before the end at which a warning is worth an event: not one with each token request."""

DAY: Final = 86_400.0
_BITS = (2048, 3072, 4096)
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """What a new app needs: the private key stays with your program, the certificate goes into the app.

    Attributes:
        private_key: PKCS#8, PEM, not encrypted. Never shown by ``repr``.
        certificate: X.509, PEM. Not a secret.
    """

    private_key: str = field(repr=False)
    certificate: str = field(repr=False)

    def write(self, private_key: Path | str, certificate: Path | str) -> None:
        """Write both files; the private key can be read by its owner only. Existing files are never overwritten.

        Raises:
            ConfigurationError: A file exists, or can't be written. Then none is left behind.
        """
        key_path, certificate_path = Path(private_key), Path(certificate)
        written: list[Path] = []
        try:
            for path, text, mode in ((certificate_path, self.certificate, 0o644), (key_path, self.private_key, 0o600)):
                # O_EXCL looks and creates in one step, and follows no symbolic link.
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
                written.append(path)
                with open(descriptor, "w", encoding="ascii", newline="\n") as file:  # noqa: PTH123 - a descriptor
                    file.write(text)
        except OSError as problem:
            for path in written:
                with contextlib.suppress(OSError):
                    path.unlink()
            if isinstance(problem, FileExistsError):
                raise ConfigurationError(
                    f"{problem.filename} exists already; it isn't overwritten.",
                    hint="A key that is in use can't be brought back: move it away, or choose other names.",
                ) from None
            raise ConfigurationError(f"{problem.filename or key_path} can't be written: {problem.strerror}.") from None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeyPair is not pickled: it holds a private key")


def new_key_pair(common_name: str = "sfauth", *, days: int = 730, bits: int = 2048, now: float) -> KeyPair:
    """A new RSA key with a self-signed certificate (SHA-256).

    Args:
        common_name: Of the certificate's subject: say whose it is, such as ``"acme etl"``. At most 64 characters.
        days: How long it's valid, at most 3650. Whoever forgets to renew it finds out on that day.
        bits: 2048, 3072 or 4096.
        now: Unix seconds. Valid from an hour earlier on, for clocks that are behind.

    Raises:
        ConfigurationError: A number is out of its range, or the certificate would be too large for Salesforce.
    """
    if bits not in _BITS:
        raise ConfigurationError(
            "The key must have 2048, 3072 or 4096 bits.", hint="2048 is what RS256 asks for at least, and fast."
        )
    if not 1 <= days <= 3650:
        raise ConfigurationError("A certificate is valid for 1 to 3650 days.")
    if not 1 <= len(common_name) <= 64 or not common_name.isprintable():
        raise ConfigurationError("common_name must have 1 to 64 printable characters.")

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    start = datetime.fromtimestamp(math.floor(now), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(hours=1))
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    check_size(pem)
    return KeyPair(
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), certificate=pem
    )


def expires_at(certificate: str | bytes) -> float:
    """When the certificate expires, in Unix seconds. Of a chain, the first one counts: it's the app's own.

    Args:
        certificate: X.509, PEM or DER.

    Raises:
        ConfigurationError: It's no certificate. Holds nothing of it: it may be the private key by mistake.
    """
    return _loaded(certificate).not_valid_after_utc.timestamp()


def days_left(certificate: str | bytes, now: float) -> float:
    """Days until the certificate expires; negative afterwards. ``now`` is in Unix seconds.

    Raises:
        ConfigurationError: As `expires_at`.
    """
    return (expires_at(certificate) - now) / DAY


def warning_due(left: float, warned_at: float | None) -> bool:
    """Whether it's time to say (again) that a certificate expires: at 30, 14, 7, 3 and 1 days, and once it has.

    Args:
        left: Days left now.
        warned_at: Days left when it was last said; None if never.
    """
    reached = [each for each in WARN_AT if left <= each]
    return bool(reached) and (warned_at is None or min(reached) < warned_at)


def check_size(certificate: str) -> None:
    """Raise `ConfigurationError` where Salesforce would refuse the PEM certificate as too large."""
    size = len(certificate.encode())
    if size > LARGEST:
        raise ConfigurationError(
            f"The certificate has {size} bytes; Salesforce takes {LARGEST}.",
            hint="Give the app's own certificate without its chain, and with a smaller key.",
        )


def certificate_block(text: str) -> str:
    """The first PEM certificate in a text.

    Raises:
        ConfigurationError: There's none, or a private key is with it.
    """
    if "PRIVATE KEY-----" in text:
        raise ConfigurationError(
            "There is a private key where only the certificate belongs.",
            hint="Give the certificate alone, often called server.crt; the private key never leaves your program.",
        )
    match = _BLOCK.search(text)
    if match is None:
        raise ConfigurationError(
            "That is no certificate in PEM.", hint="It begins with -----BEGIN CERTIFICATE----- (often server.crt)."
        )
    return match[0] + "\n"


def _loaded(certificate: str | bytes) -> Certificate:
    from cryptography import x509

    data = certificate.encode() if isinstance(certificate, str) else certificate
    try:
        if data.lstrip()[:5] == b"-----":
            return x509.load_pem_x509_certificate(data[data.find(b"-----BEGIN CERTIFICATE-----") :])
        return x509.load_der_x509_certificate(data)
    except ValueError:
        pass
    raise ConfigurationError(
        "That is no certificate.", hint="Give the X.509 certificate that was uploaded to the app, often server.crt."
    )
