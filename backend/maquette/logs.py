"""Where logs go and what stands in them: standard error, one record a line, what it is about, and no secrets.

``text`` is for people, ``json`` for programs that collect logs: one object a line with ``time`` (UTC), ``level``,
``logger``, ``message``, and where they are known ``request_id``, ``run_id``, ``project_id``, ``step``, ``attempt`` and
``exception``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

QUIET = ("httpx", "httpcore", "procrastinate", "hpack", "numba")
"""Libraries that log each request or job; httpx would log signed URLs with their tokens."""

Form = Literal["text", "json"]

_about: ContextVar[Mapping[str, str | int]] = ContextVar("about", default={})  # noqa: B039 - never changed in place

# A net under the care that is taken everywhere: what looks like a secret is cut out of any line, whoever wrote it.
_SECRETS = (
    (re.compile(r"(\b\w+://[^\s:/@]*:)[^\s/@]+(@)"), r"\1…\2"),
    (re.compile(r"(?i)\b(token|apikey|password|signature)=[^\s&\"',;)]+"), r"\1=…"),
    (re.compile(r"(?i)\b(bearer )[\w.~+/=-]{8,}"), r"\1…"),
    (re.compile(r"\b(sb_secret_|mqk_)[\w-]{8,}"), r"\1…"),
    (re.compile(r"\b(whsec_)[\w+/=-]{8,}"), r"\1…"),
    # To its end, or to that of the line where it has none.
    (re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL), r"\1…"),
    (re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*"), "…"),
)
# Line ends would let a name that somebody chose pass for a line of ours.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160), 0x2028, 0x2029)}


@contextmanager
def about(**facts: str | int) -> Iterator[None]:
    """All that is logged within, by this task and those it starts, is about these: a run, or a request."""
    token = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def without_secrets(text: str) -> str:
    """The text without keys, tokens and passwords that show themselves as such."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class WithoutQuery(logging.Filter):
    """Takes the query from the addresses of WebSockets, which uvicorn logs itself: it holds keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the query."""
        if isinstance(record.args, tuple) and "WebSocket" in str(record.msg):
            record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
        return True


class TextLines(logging.Formatter):
    """A line for people; what belongs to a run begins with the head of its id. Traces follow on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        run = str(_about.get().get("run_id", ""))[:8]
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        said = record.getMessage().translate(_CONTROLS)
        line = f"{moment} {record.levelname} {record.name}: {f'[{run}] ' if run else ''}{said}"
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return without_secrets(f"{line}\n{trace}" if trace else line)


class JsonLines(logging.Formatter):
    """One JSON object a line, whatever the record holds."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **_about.get(),
        }
        if record.exc_info:
            told["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False)


def log_to_stderr(level: str, form: Form = "text") -> None:
    """Set up logging for a process that serves."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    server = logging.getLogger("uvicorn.error")
    server.addFilter(WithoutQuery())
    # Below, it logs each header and frame of a WebSocket, and with them tokens.
    server.setLevel(max(logging.INFO, logging.getLogger().level))
