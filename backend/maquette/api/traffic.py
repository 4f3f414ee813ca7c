"""Counts what comes in: answers by route, how long they took, and sockets that are open."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/v1"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Traffic:
    """The counters of one application, in its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers = Counter(
            "maquette_http_requests",
            "Answers by method, route and class of status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "maquette_http_request_duration_seconds",
            "From the first byte of a call to the last byte of its answer; ?wait= and uploads take their time.",
            ["method", "route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.sockets = Gauge(
            "maquette_websockets", "WebSockets that are open, by what they follow.", ["kind"], registry=registry
        )
        for kind in ("events", "realtime"):
            self.sockets.labels(kind)


class Counted:
    """Pure ASGI, around everything else, so that refusals count too."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._talk(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = route_of(scope)
            self._traffic.answers.labels(method, route, f"{status // 100}xx").inc()
            self._traffic.seconds.labels(method, route).observe(time.perf_counter() - began)

    async def _talk(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = "realtime" if scope["path"].startswith("/realtime/") else "events"
        open_now = self._traffic.sockets.labels(kind)
        accepted = False

        async def counted(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept" and not accepted:
                accepted = True
                open_now.inc()
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if accepted:
                open_now.dec()


def route_of(scope: Scope) -> str:
    """The route's template. Never the path itself: ids, and whatever strangers try, would make a series each."""
    for mounted in ("/storage/v1", "/realtime/v1"):
        if scope["path"].startswith(f"{mounted}/"):
            return mounted
    template = str(getattr(scope.get("route"), "path", "none"))
    # FastAPI keeps a router's prefix beside its routes.
    within = scope["path"].startswith(f"{API}/") and template.startswith("/") and not template.startswith(API)
    return f"{API}{template}" if within else template
