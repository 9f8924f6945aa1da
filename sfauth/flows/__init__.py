"""The ceremonies in which a person takes part, as pure steps: each of them ends in a grant or a token.

Nothing here talks to anybody, reads a clock or draws a random number: `sfauth.logins` does that. Flows without a
person are grants and nothing else (`sfauth.grants`); `choose_flow` tells which one is yours.
"""

from __future__ import annotations

from ..grants.insecure import InsecureFlowError, InsecureFlows
from .authorization import LoginOptions
from .choice import Choice, choose_flow
from .device import DeviceCode, DeviceFlow
from .hybrid import HybridSessions, WebSession
from .id_token import IdToken, UnknownKeyError, validate_id_token
from .pending import PendingLogin
from .user_agent import UserAgentFlow
from .web_server import WebServerFlow

__all__ = [
    "Choice",
    "DeviceCode",
    "DeviceFlow",
    "HybridSessions",
    "IdToken",
    "InsecureFlowError",
    "InsecureFlows",
    "LoginOptions",
    "PendingLogin",
    "UnknownKeyError",
    "UserAgentFlow",
    "WebServerFlow",
    "WebSession",
    "choose_flow",
    "validate_id_token",
]
