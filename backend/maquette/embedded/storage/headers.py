"""Headers that every answer of the service has: nothing of it is a page, whatever users call it.

No ``Cross-Origin-Resource-Policy``: as on Supabase, pages of other sites may show what a signed address lends them.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_PAGE = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FIXED = {
    # No guessing of types, and a page among the objects may neither run nor stand in a frame.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": NO_PAGE,
    # Addresses here hold tokens.
    "Referrer-Policy": "no-referrer",
}


class Hardened:
    """Pure ASGI, so that objects stream through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in FIXED.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_hardened)


HARDENED = Middleware(Hardened)
