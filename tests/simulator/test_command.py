"""``sfauth simulate`` as a real process, driven through what it prints."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest

MAIN = """
import argparse, sys
from sfauth.simulator import command
parser = argparse.ArgumentParser()
command.add_arguments(parser)
sys.exit(command.run(parser.parse_args()))
"""
ROOT = Path(__file__).parents[2]


def start(*options):
    command = [sys.executable, "-W", "error", "-c", MAIN, *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def simulation():
    process = start("--json", "--orgs", "4", "--instances", "3", "--token-format", "mixed")
    ready = json.loads(process.stdout.readline())
    yield ready
    assert stop(process) == (0, "", "")
    assert not any(Path(org["private_key_file"]).exists() for org in ready["orgs"])


@pytest.fixture
def client():
    with httpx.Client(trust_env=False) as client:
        yield client


def test_one_line_tells_all(simulation):
    assert len(simulation["urls"]) == 3
    assert simulation["url"] == simulation["urls"][0]
    assert [org["kind"] for org in simulation["orgs"]] == ["production", "sandbox", "production", "scratch"]
    assert [org["token_format"] for org in simulation["orgs"]] == ["opaque", "jwt", "opaque", "jwt"]
    for org in simulation["orgs"]:
        assert {"key", "org_id", "client_id", "client_secret", "username", "password", "refresh_token"} < set(org)
        assert org["login_url"] == org["instance_url"] == simulation["url"]


def test_it_listens_once_the_line_is_out_and_every_grant_works(simulation, client):
    for org in simulation["orgs"]:
        claims = {"iss": org["client_id"], "sub": org["username"], "aud": simulation["url"], "exp": 9_999_999_999}
        assertion = jwt.encode(claims, Path(org["private_key_file"]).read_text(), algorithm="RS256")
        app = {"client_id": org["client_id"], "client_secret": org["client_secret"]}
        for form in (
            {"grant_type": "client_credentials", **app},
            {"grant_type": "refresh_token", "refresh_token": org["refresh_token"], **app},
            {"grant_type": "password", "username": org["username"], "password": org["password"], **app},
            {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion},
        ):
            answer = client.post(org["login_url"] + "/services/oauth2/token", data=form)
            assert answer.status_code == 200, answer.text
            headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
            assert client.get(org["instance_url"] + "/services/data/v66.0/limits", headers=headers).status_code == 200


def test_browser_flows_find_what_they_need(client):
    process = start(
        "--json", "--orgs", "1", "--any-loopback-callback", "--require-pkce", "--ask-consent", "--sites",
        "--callback-url", "myapp://done",
    )  # fmt: skip
    try:
        (org,) = json.loads(process.stdout.readline())["orgs"]
        assert "myapp://done" in org["callback_urls"]
        assert org["any_loopback_callback"]
        assert org["pkce_required"]
        assert org["site_url"].endswith("/org01/customers")
        asked = {"response_type": "code", "client_id": org["client_id"], "redirect_uri": "http://127.0.0.1:5/x"}
        answer = client.get(org["site_url"] + "/services/oauth2/authorize", params=asked)
        assert "missing%20required%20code%20challenge" in answer.headers["location"]
        asked["code_challenge"] = "c" * 43
        page = client.get(org["my_domain"] + "/services/oauth2/authorize", params=asked, follow_redirects=True)
        assert page.url.path == "/"
        assert org["site_users"][0]["username"]
    finally:
        assert stop(process) == (0, "", "")


def test_key_files_are_private_and_hold_a_key_and_its_certificate(simulation):
    org = simulation["orgs"][0]
    for name, begin in (("private_key_file", "PRIVATE KEY"), ("certificate_file", "CERTIFICATE")):
        path = Path(org[name])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert f"BEGIN {begin}" in path.read_text()


def test_without_json_it_is_for_people_and_ends_with_ctrl_c():
    process = start("--orgs", "2")
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[0].startswith("Simulating 2 Salesforce orgs on http://127.0.0.1:")
    assert "/_simulator/orgs" in lines[1]
    assert stop(process, signal.SIGINT) == (0, "", "")


def test_a_taken_port_is_one_clear_line(simulation):
    port = simulation["url"].rsplit(":", 1)[1]
    process = start("--port", port, "--orgs", "1")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err == f"sfauth simulate: can't listen on port {port}: Address already in use\n"


def test_nothing_to_simulate_is_an_error():
    process = start("--orgs", "0")
    assert process.communicate(timeout=20)[1] == "sfauth simulate: at least one org and one instance are needed\n"
    assert process.returncode == 2
