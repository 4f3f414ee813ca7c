"""Delivers what waits for webhooks. Every API server runs one; they share the work by the rows that each has taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpcore
import psycopg

from maquette import __version__
from maquette.db import deliveries, webhooks
from maquette.db.connection import Pool
from maquette.db.listener import Listener
from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.webhooks import signature
from maquette.webhooks.addresses import AddressRefusedError, PublicBackend
from maquette.webhooks.schedule import wait_after

log = logging.getLogger("maquette.webhooks")

CHANNEL = "maquette_webhooks"
AT_ONCE = 8
TIMEOUT_S = 10.0
"""For each of connecting, sending and the answer's first line."""
HOLD = timedelta(seconds=60)
"""Longer than all of these together: nobody else takes a delivery whose call may still be under way."""
LOOK_S = 30.0
"""Without any news the rows are looked at this often: a notification may be lost, a row is not."""
FORGET_S = 3600.0
LONGEST_ERROR = 300


@dataclass(frozen=True)
class Answer:
    """How a call went: the HTTP status, or why there was none."""

    status: int | None
    error: str | None
    seconds: float

    @property
    def accepted(self) -> bool:
        """Any 2xx; a redirect is none, for it is not followed."""
        return self.status is not None and 200 <= self.status < 300


class Courier:
    """``trusted``: hosts of private networks that the operator allows."""

    def __init__(self, pool: Pool, listener: Listener, trusted: Collection[str]) -> None:
        self._pool = pool
        self._trusted = trusted
        self._news = asyncio.Event()
        listener.hear(CHANNEL, lambda _: self._news.set(), self._news.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver for as long as the block lasts; calls under way at its end are tried again by whoever comes next."""
        task = asyncio.create_task(self._deliver_for_ever())
        try:
            yield
        finally:
            # One cancel can be lost: wait_for of Python 3.11 swallows it when news come in the same moment.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1)

    async def _deliver_for_ever(self) -> None:
        async with httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=PublicBackend(self._trusted), retries=0
        ) as line:
            forgotten = 0.0
            while True:
                wait_s = LOOK_S
                try:
                    self._news.clear()
                    while await self._deliver_due(line):
                        pass
                    async with self._pool.connection() as conn:
                        if time.monotonic() - forgotten > FORGET_S:
                            await deliveries.forget_old(conn)
                            forgotten = time.monotonic()
                        soon = await deliveries.seconds_to_next(conn)
                    wait_s = LOOK_S if soon is None else min(LOOK_S, max(soon, 0.05))
                except (psycopg.Error, MaquetteError) as error:
                    log.warning("webhooks wait: the database does not answer (%s)", type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait_s)

    async def _deliver_due(self, line: httpcore.AsyncConnectionPool) -> bool:
        """Deliver what is due, some at a time. Whether there was anything."""
        async with self._pool.connection() as conn:
            due = await deliveries.take_due(conn, AT_ONCE, HOLD)
        # No connection of the pool is held while others' servers take their time.
        async with asyncio.TaskGroup() as tasks:
            for delivery in due:
                tasks.create_task(self._deliver(line, delivery))
        return bool(due)

    async def _deliver(self, line: httpcore.AsyncConnectionPool, delivery: Row) -> None:
        answer = await call(line, delivery)
        # What somebody asked to have tried is tried once.
        wait = None if delivery["type"] == deliveries.TEST else wait_after(delivery["attempts"], random.random())  # noqa: S311 - spreads load
        status = "delivered" if answer.accepted else "failed" if wait is None or answer.status == 410 else "waiting"
        try:
            async with self._pool.connection() as conn:
                await deliveries.note(
                    conn,
                    delivery["id"],
                    attempts=delivery["attempts"],
                    status=status,
                    wait=None if status != "waiting" else wait,
                    answered_status=answer.status,
                    answered_after_s=answer.seconds,
                    error=answer.error,
                )
                if answer.status == 410:
                    await webhooks.disable(conn, delivery["webhook_id"], webhooks.GONE)
        except (psycopg.Error, MaquetteError) as error:
            # It is taken again after HOLD, so the other side may hear it twice: the id is the same.
            log.warning("how delivery %s went was not noted (%s)", delivery["id"], type(error).__name__)
        if not answer.accepted:
            # Neither address nor answer: both may hold secrets of its owner.
            log.info("delivery %s failed, attempt %d: %s", delivery["id"], delivery["attempts"], answer.error)


async def call(line: httpcore.AsyncConnectionPool, delivery: Row) -> Answer:
    """One attempt. The answer's body is not read: nothing in it matters, and it may have no end."""
    body = json.dumps(delivery["payload"], separators=(",", ":")).encode()
    now = datetime.now(UTC)
    secrets = webhooks.secrets_of(delivery, now)
    headers = [
        ("content-type", "application/json"),
        ("user-agent", f"Maquette/{__version__}"),
        *signature.headers(str(delivery["id"]), int(now.timestamp()), body, secrets).items(),
    ]
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    start = time.monotonic()
    status, error = None, None
    try:
        async with line.stream(
            "POST", delivery["url"], headers=headers, content=body, extensions={"timeout": timeout}
        ) as answered:
            status = answered.status
            error = None if 200 <= status < 300 else f"it answered {status}"
    except AddressRefusedError as refused:
        error = refused.message
    except httpcore.TimeoutException:
        error = f"no answer within {TIMEOUT_S:.0f} s"
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError, ValueError) as broken:
        error = f"no connection: {broken}"[:LONGEST_ERROR]
    except Exception:
        # A fault of ours with one delivery: it is told as such, tried again like others, and stops nobody else's.
        log.exception("delivery %s could not be sent", delivery["id"])
        error = "the call could not be made"
    return Answer(status, error, time.monotonic() - start)
