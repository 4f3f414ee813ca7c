"""Around every request: a limit for small bodies, security headers, the access log, and the last catch of faults."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maquette.api import problems
from maquette.api.paths import loggable
from maquette.logs import about

access = logging.getLogger("maquette.access")

MAX_JSON_BYTES = 256 * 1024
UPLOAD_PATHS = frozenset({"/api/v1/upload", "/api/v1/projects/import"})
REPLACEMENT_PATH = re.compile(r"/api/v1/projects/[^/]+/images/[^/]+")
PROBES = frozenset({"/health", "/ready", "/metrics", "/api/v1/health", "/api/v1/ready"})
"""Asked every few seconds by machines: in the log only where the answer is bad."""

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
STORAGE_PREFIX = "/storage/"
"""The storage service answers in its own, Supabase's, shapes and sets its own limits."""

DOCS_PATHS = frozenset({"/docs", "/docs/oauth2-redirect"})

_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Guards:
    """Pure ASGI, so that long answers and uploads stream through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(STORAGE_PREFIX):
            await self._app(scope, receive, send)
            return
        path, began = scope["path"], time.monotonic()
        request_id = _request_id(scope)
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _harden(MutableHeaders(scope=message), path, request_id)
            await send(message)

        with about(request_id=request_id):
            try:
                guarded = await _bounded(scope, receive)
                if guarded is None:
                    await problems.answer(_too_large())(scope, receive, send_guarded)
                else:
                    await self._app(scope, guarded, send_guarded)
            except Exception as error:
                if status:
                    raise  # half an answer is out already: the server has to drop the connection
                await problems.unexpected(scope["method"], path, error)(scope, receive, send_guarded)
            finally:
                # Never the query: it may hold tokens.
                took_ms = (time.monotonic() - began) * 1e3
                level = logging.DEBUG if path in PROBES and status < 400 else logging.INFO
                access.log(level, "%s %s %s %d %.0f ms", request_id, scope["method"], loggable(path), status, took_ms)


def _request_id(scope: Scope) -> str:
    """The caller's own, so that its logs and ours can be joined, where it is short and plain; else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:12]


async def _bounded(scope: Scope, receive: Receive) -> Receive | None:
    """``receive``, or a replay of a body without a stated length; None where the body is over the limit."""
    if _takes_photos(scope) or not scope["path"].startswith("/api/"):
        return receive
    headers = Headers(scope=scope)
    stated = headers.get("content-length")
    if stated is not None:
        return receive if stated.isdigit() and int(stated) <= MAX_JSON_BYTES else None
    if "transfer-encoding" not in headers:
        return receive
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return _replay(message, receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_JSON_BYTES:
            return None
    return _replay({"type": "http.request", "body": body, "more_body": False}, receive)


def _takes_photos(scope: Scope) -> bool:
    """The calls that set limits of their own, while the photos, or a bundle of them, arrive."""
    path = scope["path"].rstrip("/")
    return path in UPLOAD_PATHS or (scope["method"] == "PUT" and REPLACEMENT_PATH.fullmatch(path) is not None)


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _too_large() -> problems.BodyTooLargeError:
    return problems.BodyTooLargeError(
        f"The body is larger than {MAX_JSON_BYTES // 1024} KiB, the limit for everything but photos.",
        suggestion="Send photos to POST /api/v1/upload; other calls need a few lines of JSON.",
        max_bytes=MAX_JSON_BYTES,
    )


def _harden(headers: MutableHeaders, path: str, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # The page brings a policy of its own, and says itself whether it may stand in a frame.
    if "content-security-policy" not in headers:
        headers["X-Frame-Options"] = "DENY"
        headers["Content-Security-Policy"] = _DOCS_POLICY if path in DOCS_PATHS else _API_POLICY
    # Answers hold signed URLs.
    headers.setdefault("Cache-Control", "no-store")
