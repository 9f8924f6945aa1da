"""PEM text of a private key, cleaned of what shells and editors do to it, or a sentence about what it is instead.

Only text is looked at here, without cryptography: `keys` parses what this module returns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigurationError
from .plain import plain_text

__all__ = ["NEW_KEY_HINT", "private_key_block"]

NEW_KEY_HINT = (
    "Make an RSA key with its certificate: openssl req -x509 -newkey rsa:2048 -nodes -days 730 -subj /CN=sfauth "
    "-keyout server.key -out server.crt; upload server.crt in the app's OAuth Settings ('Use digital signatures') and "
    "give server.key as private_key."
)

_BLOCK = re.compile(
    r"-----BEGIN (?P<label>(?:RSA |ENCRYPTED )?PRIVATE KEY)-----(?P<body>.*?)-----END (?P=label)-----", re.DOTALL
)
_FILE_NAME = re.compile(r"(?:[~./\\]|[A-Za-z]:[\\/])\S.*|.*\.(?:pem|key|crt|cer|der|txt|p8|p12|pfx|jks)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Mistake:
    """Something that is often given in place of a private key: how it begins, what it is, what to do about it."""

    beginning: str
    what: str
    hint: str


_CERTIFICATE_HINT = (
    "The certificate belongs into the app in Salesforce. Give the private key made with it, often called server.key."
)
_MISTAKES = (
    _Mistake("-----BEGIN EC ", "is not RSA but EC; Salesforce takes RSA signatures (RS256) only", NEW_KEY_HINT),
    _Mistake("-----BEGIN DSA ", "is not RSA but DSA; Salesforce takes RSA signatures (RS256) only", NEW_KEY_HINT),
    _Mistake(
        "-----BEGIN OPENSSH PRIVATE KEY",
        "is in OpenSSH's format, not PEM",
        "Convert a copy, if it is an RSA key: ssh-keygen -p -m PEM -f COPY. Its certificate must be in the app.",
    ),
    _Mistake("-----BEGIN PUBLIC KEY", "is a public key", "Give the private key that belongs to it."),
    _Mistake("-----BEGIN RSA PUBLIC KEY", "is a public key", "Give the private key that belongs to it."),
    _Mistake("ssh-", "is an OpenSSH public key", "Give the private key, as PEM."),
    _Mistake("-----BEGIN CERTIFICATE REQUEST", "is a certificate request", _CERTIFICATE_HINT),
    _Mistake("-----BEGIN NEW CERTIFICATE REQUEST", "is a certificate request", _CERTIFICATE_HINT),
    _Mistake("-----BEGIN CERTIFICATE", "is a certificate", _CERTIFICATE_HINT),
    _Mistake("-----BEGIN TRUSTED CERTIFICATE", "is a certificate", _CERTIFICATE_HINT),
    _Mistake(
        "PuTTY-User-Key-File",
        "is in PuTTY's format, not PEM",
        "Export it, if it is an RSA key: PuTTYgen > Conversions > Export OpenSSH key. Its certificate must be in the "
        "app.",
    ),
    _Mistake(
        "\xfe\xed\xfe\xed",
        "is a Java key store (JKS), not PEM",
        "Convert it: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12; then "
        "openssl pkcs12 -in FILE.p12 -nocerts -out server.key, and give the passphrase that you chose.",
    ),
    _Mistake(
        "LS0tLS1CRUdJTi",  # base64 of "-----BEGIN"
        "is base64 of a PEM file",
        "Decode it first (base64 -d), or give the PEM text itself.",
    ),
    _Mistake(
        "MII",
        "is base64 without PEM's BEGIN and END lines",
        "Give the whole file, '-----BEGIN PRIVATE KEY-----' and '-----END PRIVATE KEY-----' included.",
    ),
    _Mistake(
        "-----BEGIN ",
        "is PEM, but cut off or of an unknown kind",
        "Give the whole file of an RSA private key, from '-----BEGIN PRIVATE KEY-----' to its END line. A shell or "
        ".env file often keeps only the first line of an unquoted value.",
    ),
)


def private_key_block(value: str | bytes, *, has_passphrase: bool) -> str:
    r"""The PEM block of the (presumably RSA) private key in a text.

    Tolerates what environment variables and secret managers do: surrounding blanks and quotes, a byte order mark,
    literal ``\n`` or blanks for line breaks, and certificates or attributes around the key.

    Raises:
        ConfigurationError: No private key, or an encrypted one without a passphrase. Says what it is instead, without
            a character of it.
    """
    # Latin-1 decodes all bytes, so that binary formats are named instead of just being no UTF-8.
    text = (
        value.decode("latin-1").removeprefix("\xef\xbb\xbf")
        if isinstance(value, bytes)
        else plain_text(value, "private_key")
    )
    text = text.lstrip("\ufeff").strip().strip("\"'").strip()
    if "-----BEGIN " in text:
        text = text.replace("\\r", "").replace("\\n", "\n")
    match = _BLOCK.search(text)
    if match is None:
        raise _mistaken(text)
    body = match["body"]
    legacy = "Proc-Type:" in body
    if not has_passphrase and (legacy or match["label"] == "ENCRYPTED PRIVATE KEY"):
        raise ConfigurationError(
            "private_key is encrypted, but there is no passphrase", hint="Give the key's passphrase as passphrase."
        )
    # The headers of the legacy encryption (RFC 1421) need their lines; elsewhere a blank may be a lost line break.
    lines = [line.strip() for line in body.strip().splitlines()] if legacy else body.split()
    return "\n".join((f"-----BEGIN {match['label']}-----", *lines, f"-----END {match['label']}-----", ""))


def _mistaken(text: str) -> ConfigurationError:
    # Attributes may come before the first label.
    start = text[max(text.find("-----BEGIN "), 0) :]
    if not text:
        what, hint = "is empty", "Is the environment variable or file empty?"
    elif text.startswith("0") and text[4:7] in ("\x02\x01\x03", "\x02\x01\x00"):
        # DER: SEQUENCE, two bytes of length, then the version: 3 for PKCS#12, 0 for PKCS#1 and PKCS#8 keys.
        what, hint = (
            ("is PKCS#12, not PEM", "Convert it: openssl pkcs12 -in FILE -nocerts -out server.key")
            if text[6] == "\x03"
            else ("is DER, not PEM", "Convert it: openssl pkey -inform DER -in FILE -out server.key")
        )
    elif found := next((each for each in _MISTAKES if start.startswith(each.beginning)), None):
        what, hint = found.what, found.hint
    elif "\n" not in text and len(text) < 1024 and _FILE_NAME.fullmatch(text):
        what, hint = "looks like a file name", 'To read a file, pass pathlib.Path("...") instead of a str.'
    else:
        what, hint = "is not PEM", "It begins with '-----BEGIN PRIVATE KEY-----' or '-----BEGIN RSA PRIVATE KEY-----'."
    return ConfigurationError(f"private_key {what}", hint=hint)
