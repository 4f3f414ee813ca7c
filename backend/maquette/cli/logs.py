"""Where logs go: standard error, one line each, without secrets."""

from __future__ import annotations

import logging
import sys

QUIET = ("httpx", "httpcore", "procrastinate", "hpack", "numba")
"""Libraries that log each request or job; httpx would log signed URLs with their tokens."""


class WithoutQuery(logging.Filter):
    """Takes the query from the addresses of WebSockets, which uvicorn logs itself: it holds keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the query."""
        if isinstance(record.args, tuple) and "WebSocket" in str(record.msg):
            record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
        return True


def log_to_stderr(level: str) -> None:
    """Set up logging for a process that serves."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    server = logging.getLogger("uvicorn.error")
    server.addFilter(WithoutQuery())
    # Below, it logs each header and frame of a WebSocket, and with them tokens.
    server.setLevel(max(logging.INFO, logging.getLogger().level))
