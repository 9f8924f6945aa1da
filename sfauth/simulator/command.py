"""``sfauth simulate``: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from .control import describe
from .identities import TokenFormat
from .org import OrgKind, SimulatedOrg
from .server import RunningServer, run_until_signal
from .simulator import Simulator

_KINDS: tuple[OrgKind, ...] = ("production", "sandbox", "production", "scratch")
_FORMATS: dict[str, tuple[TokenFormat, ...]] = {"opaque": ("opaque",), "jwt": ("jwt",), "mixed": ("opaque", "jwt")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``sfauth simulate``."""
    parser.add_argument("--port", type=int, default=0, help="first port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--instances", type=int, default=2, help="ports to listen on; orgs can migrate between them")
    parser.add_argument("--orgs", type=int, default=20, help="how many orgs there are")
    parser.add_argument("--session-timeout", type=float, default=7200.0, help="seconds, of opaque tokens")
    parser.add_argument("--jwt-lifetime", type=float, default=1800.0, help="seconds, of JWT access tokens")
    parser.add_argument("--token-format", choices=sorted(_FORMATS), default="opaque", help="of access tokens")
    parser.add_argument("--rotate-refresh-tokens", action="store_true", help="each refresh gives a new refresh token")
    parser.add_argument(
        "--callback-url", action="append", default=[], metavar="URL", help="registered for each app; may be repeated"
    )
    parser.add_argument(
        "--any-loopback-callback", action="store_true", help="any port and path on this machine is a callback URL, too"
    )
    parser.add_argument("--require-pkce", action="store_true", help="authorization codes only with PKCE")
    parser.add_argument("--ask-consent", action="store_true", help="users see the consent page")
    parser.add_argument("--sites", action="store_true", help="each org has an Experience Cloud site and a site user")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same orgs, ids and secrets")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout when it is ready")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status."""
    if args.orgs < 1 or args.instances < 1:
        print("sfauth simulate: at least one org and one instance are needed", file=sys.stderr)
        return 2
    simulator = Simulator(random=Random(args.seed))
    formats = _FORMATS[args.token_format]
    for number in range(args.orgs):
        org = simulator.add_org(
            f"org{number + 1:02d}",
            _KINDS[number % len(_KINDS)],
            session_timeout=args.session_timeout,
            jwt_lifetime=args.jwt_lifetime,
            token_format=formats[number % len(formats)],
            site_url=f"https://org{number + 1:02d}.my.site.com/customers" if args.sites else None,
            rotate_refresh_tokens=args.rotate_refresh_tokens,
        )
        if args.sites:
            org.add_user(external=True)
        org.app.callback_urls += tuple(args.callback_url)
        org.app.any_loopback_callback = args.any_loopback_callback
        org.app.pkce_required = args.require_pkce
        org.app.permitted_users = "self" if args.ask_consent else "admin"
    with tempfile.TemporaryDirectory(prefix="sfauth-simulator-") as folder:

        def ready(server: RunningServer) -> None:
            announce = _announce_json if args.json else _announce_text
            announce(server, Path(folder))

        try:
            run_until_signal(simulator, ports=[args.port, *[0] * (args.instances - 1)], ready=ready)
        except OSError as error:
            print(f"sfauth simulate: can't listen on port {args.port}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


def credentials(org: SimulatedOrg, folder: Path) -> dict[str, Any]:
    """What a client needs for each of the grants; the key and certificate are files in `folder`."""
    return {
        **describe(org),
        "refresh_token": org.issue_refresh_token(),
        "site_users": [{"username": user.username, "password": user.password} for user in org.users if user.external],
        "private_key_file": str(_write(folder / f"{org.key}.key", org.app.private_key_pem)),
        "certificate_file": str(_write(folder / f"{org.key}.crt", org.app.certificate_pem or "")),
    }


def _announce_json(server: RunningServer, folder: Path) -> None:
    orgs = [credentials(org, folder) for org in server.simulator.orgs.values()]
    print(json.dumps({"url": server.url, "urls": list(server.urls), "orgs": orgs}), flush=True)


def _announce_text(server: RunningServer, folder: Path) -> None:
    print(f"Simulating {len(server.simulator.orgs)} Salesforce orgs on {', '.join(server.urls)}")
    print(f"Credentials:  curl {server.url}/_simulator/orgs")
    print(f"Counts:       curl {server.url}/_simulator/counts")
    print("Stop with Ctrl-C.", flush=True)


def _write(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
