"""What Salesforce's error codes and texts mean, and what to change where. The tables are data.

`oauth` has the rows for the token endpoint and its sisters, `resource` those for the APIs. The class of a row says
what the caller must do (see `sfauth.errors`), not whose fault it is.
"""

from __future__ import annotations

from .model import Diagnosis, ResourceRule, Rule, plain
from .oauth import RULES, UNKNOWN
from .resource import RESOURCE_RULES

__all__ = ["RESOURCE_RULES", "RULES", "Diagnosis", "ResourceRule", "Rule", "diagnose", "diagnose_resource"]


def diagnose(error: str, description: str | None, *, grant_type: str | None = None) -> Diagnosis:
    """What an OAuth error means.

    Args:
        error: The ``error`` field (RFC 6749 section 5.2).
        description: The ``error_description`` field, where there was one.
        grant_type: Of the request that failed, where there was one.
    """
    code, text = plain(error), plain(description)
    return next((rule.diagnosis for rule in RULES if rule.fits(code, text, grant_type)), UNKNOWN)


def diagnose_resource(status: int, error_code: str | None, message: str | None) -> Diagnosis | None:
    """What an API's refusal has to do with access; None where it has nothing, or where a new token cures it.

    Args:
        status: HTTP status.
        error_code: ``errorCode`` (REST), ``exceptionCode`` (Bulk) or the fault code (SOAP, with or without its prefix).
        message: The text beside it.
    """
    if status < 400:
        return None
    code, text = (error_code or "").rpartition(":")[2].strip().upper(), plain(message)
    return next((rule.diagnosis for rule in RESOURCE_RULES if rule.fits(status, code, text)), None)
