"""Private keys, parsed once. Imports cryptography and joserfc, so it's loaded with the first signature only."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import RSAKey

from ..errors import ConfigurationError
from .pem import NEW_KEY_HINT, private_key_block
from .plain import plain_text

__all__ = ["load_private_key"]

_MINIMUM_BITS = 2048  # RFC 7518 section 3.3


def load_private_key(private_key: str | bytes, passphrase: str | bytes | None = None) -> RSAKey:
    """An RSA private key, ready to sign; thousands of orgs that share a key parse it once. Thread-safe.

    Args:
        private_key: PEM, PKCS#1 or PKCS#8, possibly encrypted.
        passphrase: For an encrypted key; ignored where the key is not.

    Raises:
        ConfigurationError: No usable key; says what it is instead. Holds no part of the key or passphrase.
    """
    secret = plain_text(passphrase, "passphrase") if passphrase else ""
    block = private_key_block(private_key, has_passphrase=bool(secret))
    return _parse(block, secret if "ENCRYPTED" in block else "")


# Parsing checks the primes and takes as long as a hundred signatures. No lock: two threads that meet a new key at the
# same moment may both parse it, which is cheaper than a lock that a forked child could inherit locked.
@lru_cache(maxsize=1024)
def _parse(block: str, passphrase: str) -> RSAKey:
    try:
        key = load_pem_private_key(block.encode(), passphrase.encode() or None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        key = None
    # Raised out here: an error raised in the except block would drag cryptography's along as its context.
    if key is None and passphrase:
        raise ConfigurationError(
            "private_key can't be decrypted: wrong passphrase, or a damaged file",
            hint="Try it where the key lies: openssl pkey -in FILE -noout asks for the passphrase.",
        )
    if key is None:
        raise ConfigurationError(
            "private_key is damaged: it has the frame of a private key, but not the content",
            hint="Copy the whole file again; openssl pkey -in FILE -check -noout shows whether it's sound.",
        )
    if not isinstance(key, RSAPrivateKey):
        kind = type(key).__name__.lstrip("_").removesuffix("PrivateKey").replace("EllipticCurve", "EC")
        raise ConfigurationError(
            f"private_key is not RSA but {kind}; Salesforce takes RSA signatures (RS256) only", hint=NEW_KEY_HINT
        )
    if key.key_size < _MINIMUM_BITS:
        raise ConfigurationError(
            f"private_key has {key.key_size} bits; RS256 needs at least {_MINIMUM_BITS}", hint=NEW_KEY_HINT
        )
    return RSAKey(key, key)
