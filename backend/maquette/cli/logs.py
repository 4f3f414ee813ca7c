"""Where logs go: standard error, one line each, without secrets."""

from __future__ import annotations

import logging
import sys

QUIET = ("httpx", "httpcore", "procrastinate", "hpack", "numba")
"""Libraries that log each request or job; httpx would log signed URLs with their tokens."""


def log_to_stderr(level: str) -> None:
    """Set up logging for a process that serves."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
