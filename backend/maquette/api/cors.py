"""Pages of other origins that may call the API: those of ``MAQUETTE_CORS_ORIGINS``, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

API_PREFIX = "/api/"


class Cors:
    """For the API alone: the storage service answers other origins by rules of its own, as Supabase's does.

    Cookies are not allowed, because none are used: pages send their key or token in a header. That is also why
    ``Cross-Origin-Resource-Policy`` stays ``same-origin`` for these pages: it forbids the use of an answer without
    CORS, as the source of an image or a script, where no such header is sent.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "If-None-Match"],
            expose_headers=["Location", "X-Request-ID", "Retry-After", "ETag", "X-Maquette-Picture"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(API_PREFIX)
        await (self._cors if ours else self._app)(scope, receive, send)
