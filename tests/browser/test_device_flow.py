"""A program without a browser waits while a person lets it in with one."""

from __future__ import annotations

import anyio
import pytest

from sfauth.errors import LoginRequiredError
from sfauth.flows import DeviceFlow
from sfauth.logins import device_login
from sfauth.org import Org
from sfauth.simulator import Simulator


@pytest.mark.parametrize("button", ["Allow", "Deny"])
async def test_type_the_code_log_in_and_decide(api, page, button):
    simulator = Simulator()
    org = simulator.add_org("acme")
    org.device_interval = 1  # the device really waits
    shown = anyio.Event()
    codes, outcome = [], []

    def show(code):
        codes.append(code)
        shown.set()

    async def device(url):
        try:
            token = await device_login(DeviceFlow(client_id=org.app.client_id, org=Org(url)), show)
            outcome.append(token.instance_url)
        except LoginRequiredError:
            outcome.append("denied")

    async with simulator.serve() as server, anyio.create_task_group() as tasks:
        tasks.start_soon(device, server.url)
        await shown.wait()
        await page.goto(codes[0].verification_uri)
        await api.expect(page.get_by_label("Code that your device shows")).to_be_focused()
        await page.keyboard.type(codes[0].user_code.lower())
        await page.keyboard.press("Enter")
        await page.get_by_label("Username").fill(org.user.username)
        await page.get_by_label("Password").fill(org.user.password)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name=button).click()
        await api.expect(page.get_by_role("status")).to_be_visible()
    assert outcome == [server.url if button == "Allow" else "denied"]
