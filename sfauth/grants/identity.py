"""What names the identity behind a one-time value, where nobody has said whose it is."""

from __future__ import annotations

import hashlib

from .base import Credential
from .plain import is_plain

__all__ = ["name_of"]


def name_of(username: str | None, one_time: Credential) -> str | None:
    """A name for whoever holds a code or a subject token, without telling it.

    Two users' logins are alike in all but this value. Stores and sources tell identities apart by such names, and
    would otherwise hand one user the other's token. A digest is safe to show: these values are long and random.
    """
    if not is_plain(one_time):
        return username
    data = one_time if isinstance(one_time, bytes) else one_time.encode()
    digest = hashlib.sha256(b"sfauth one-time value:" + data).hexdigest()[:32]
    return f"{username or ''}#{digest}"
