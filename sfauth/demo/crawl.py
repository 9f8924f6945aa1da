"""The crawl: what a program that uses sfauth looks like. Nothing in here knows about tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import anyio
import httpx

from ..clients.httpx import SalesforceClient
from ..errors import ConfigurationError, SfauthError
from ..manager import TokenManager

__all__ = ["PAGE_SIZE", "Score", "crawl_all"]

FIRST_PAGE = "/services/data/v66.0/query?q=SELECT+Id,Name,Industry+FROM+Account"
PAGE_SIZE = 10

# A signed request that then waits seconds for a connection arrives with an old token. That is nothing where tokens
# live for hours, but here they live for seconds: so the crawl waits for its turn before it asks.
AT_ONCE = 50


@dataclass(slots=True)
class Score:
    """How the tasks of one org fare.

    Attributes:
        asked: Requests that were begun.
        answered: Requests that got their data.
        refused: Requests that could not be sent, as there is no way to log in.
        lost: Requests that failed in any other way.
        error: The text of the latest failure.
    """

    asked: int = 0
    answered: int = 0
    refused: int = 0
    lost: int = 0
    error: str = ""


async def crawl_all(
    manager: TokenManager,
    tasks: Mapping[str, int],
    scores: Mapping[str, Score],
    *,
    pause: float,
    left: Callable[[], float],
    random: Random,
) -> None:
    """Crawl every org until the time is up; requests under way are brought to their end.

    Args:
        manager: Knows the orgs.
        tasks: How many tasks crawl each org.
        scores: Kept up to date, by org.
        pause: Mean seconds that a task spends on what it got before it asks for more.
        left: Seconds until the time is up.
        random: For the pauses.
    """
    turn = anyio.CapacityLimiter(AT_ONCE)
    async with anyio.create_task_group() as group:
        for org, number in tasks.items():
            client = manager.client(org)
            for _ in range(number):
                worker = Worker(client, scores[org], turn, lambda: pause * random.uniform(0.5, 1.5), left)
                group.start_soon(worker.run)


@dataclass(frozen=True, slots=True)
class Worker:
    """One of many tasks: page after page of accounts, and from the start again."""

    client: SalesforceClient
    score: Score
    turn: anyio.CapacityLimiter
    pause: Callable[[], float]
    left: Callable[[], float]

    async def run(self) -> None:
        page = FIRST_PAGE
        while (left := self.left()) > 0:
            content = await self.get(page)
            page = content.get("nextRecordsUrl", FIRST_PAGE)
            await anyio.sleep(min(self.pause(), left))

    async def get(self, page: str) -> dict[str, str]:
        score = self.score
        score.asked += 1
        try:
            async with self.turn:
                reply = await self.client.get(page)
            content: dict[str, str] = reply.raise_for_status().json()
        except ConfigurationError as error:
            # Nothing that this program could do about it: the text is for the person on call.
            score.refused += 1
            score.error = str(error)
            return {}
        except (SfauthError, httpx.HTTPError, ValueError) as error:
            score.lost += 1
            score.error = f"{type(error).__name__}: {error}"
            return {}
        score.answered += 1
        return content
