"""``GET /metrics`` for Prometheus: this process's own counters, and numbers of the database over all owners.

One API process a replica is how Maquette serves: each replica counts its own calls, and what comes from the database is
the same on all of them (take the maximum over replicas, not the sum).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Iterator

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout

from maquette import __version__
from maquette.api.deadlines import within
from maquette.api.figures import gauge, of_history, of_line
from maquette.api.service import Service, Serving
from maquette.api.traffic import Traffic
from maquette.db import measures
from maquette.disk import free_bytes
from maquette.errors import MaquetteError

log = logging.getLogger(__name__)
router = APIRouter()

LINE_S = 5.0
HISTORY_S = 60.0
"""How old the numbers of the database may be; the history is longer to read and changes less."""
PATIENCE_S, HISTORY_PATIENCE_S = 2.0, 6.0
"""Together less than the ten seconds that Prometheus gives a scrape."""


class MetricsNotForUsersError(MaquetteError):
    """Somebody who signed in as one user asked for numbers over all users."""

    code = "metrics_not_for_users"
    status = 403


class Metrics(Collector):
    """The registry of one application, and what was last read for it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.traffic = Traffic(self.registry)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(self)
        self._reading = asyncio.Lock()
        self._line: measures.Line | None = None
        self._history: measures.History | None = None
        self._line_until = self._history_until = 0.0
        self._pool: dict[str, int] = {}
        self._disk_free: int | None = None

    async def refresh(self, service: Service) -> None:
        """Read anew what has become old; several askers at once make one reading."""
        async with self._reading:
            now = time.monotonic()
            self._pool = service.pool.get_stats()
            self._disk_free = await asyncio.to_thread(free_bytes, service.settings.home)
            if now < self._line_until:
                return
            try:
                self._line = await within(_read_line(service), PATIENCE_S)
            except (psycopg.Error, PoolTimeout, TimeoutError):
                # Old numbers would look like news: none are told, and `maquette_database_up` says why.
                self._line = None
                return
            self._line_until = now + LINE_S
            if now >= self._history_until:
                await self._read_history(service)
                self._history_until = now + HISTORY_S

    async def _read_history(self, service: Service) -> None:
        try:
            self._history = await within(_read_history(service), HISTORY_PATIENCE_S)
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            log.warning("the history could not be counted for /metrics (%s)", type(error).__name__)
            self._history = None

    def collect(self) -> Iterator[Metric]:
        """What the registry asks for at each scrape."""
        yield gauge("maquette_build_info", "1; the label says which Maquette this is.", {(__version__,): 1}, "version")
        up = self._line is not None
        yield gauge("maquette_database_up", "Whether the database answered, at most 5 s ago.", {(): up})
        if self._disk_free is not None:
            yield gauge("maquette_disk_free_bytes", "On the disk of MAQUETTE_HOME.", {(): self._disk_free})
        size, idle = self._pool.get("pool_size", 0), self._pool.get("pool_available", 0)
        states = {("in_use",): size - idle, ("idle",): idle}
        yield gauge("maquette_database_pool_connections", "Connections of this process's pool.", states, "state")
        waiting = self._pool.get("requests_waiting", 0)
        yield gauge("maquette_database_pool_waiting", "Calls that wait for a connection.", {(): waiting})
        if self._line is not None:
            yield from of_line(self._line)
        if self._line is not None and self._history is not None:
            yield from of_history(self._history)


async def _read_line(service: Service) -> measures.Line:
    async with service.pool.connection(timeout=PATIENCE_S) as conn:
        return await measures.line(conn)


async def _read_history(service: Service) -> measures.History:
    async with service.pool.connection(timeout=PATIENCE_S) as conn:
        return await measures.history(conn)


@router.get("/metrics", include_in_schema=False)
async def read_metrics(request: Request, service: Serving) -> Response:
    """In the format that the scraper accepts."""
    await _admit(request, service)
    metrics: Metrics = request.app.state.metrics
    await metrics.refresh(service)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(metrics.registry), headers={"Content-Type": content_type})


async def _admit(request: Request, service: Service) -> None:
    """The token of the scraper, or on an embedded stack, which has one owner, whatever opens every call."""
    token = service.settings.metrics_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    sent = given.strip() if scheme.lower() == "bearer" else ""
    # As bytes: compare_digest takes no other text than ASCII.
    if token is not None and hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
        return
    await service.gate.identify(request)
    if not service.connections.embedded:
        raise MetricsNotForUsersError(
            "These numbers are of all users; the key or token is of one.",
            suggestion="Set MAQUETTE_METRICS_TOKEN on the server and send it as `Authorization: Bearer TOKEN`.",
        )
