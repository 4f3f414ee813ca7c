"""What an engine prints: JSON lines that tell of progress, and anything else, which only goes to the run's log."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

MOST_LETTERS = 200
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s'\"/\\]*[/\\])*([^\s'\"/\\]*)")
_VERSION = re.compile(r"[\w.+:@-]{1,100}")


@dataclass(frozen=True)
class Said:
    """What a line says; None: nothing of that. ``progress`` is 0 to 1."""

    progress: float | None = None
    message: str = ""
    version: str | None = None
    error: str | None = None


def said_in(line: str) -> Said | None:
    """``{"progress": 0.4, "message": "…"}``, ``{"version": "1.2"}`` or ``{"error": "…"}``; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    said = Said(
        progress=_share(told.get("progress")),
        message=plain(told.get("message")),
        version=version_in(told.get("version")),
        error=plain(told.get("error")) or None,
    )
    return None if said == Said(message=said.message) else said


def plain(words: Any) -> str:
    """One line of printable letters without paths of this machine: of a path only its last part stays."""
    if not isinstance(words, str):
        return ""
    line = "".join(letter if letter.isprintable() else " " for letter in words[: 10 * MOST_LETTERS])
    return _PATH.sub(r"\1", line).strip()[:MOST_LETTERS]


def _share(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        share = float(value)
    except OverflowError:
        return None
    return share if math.isfinite(share) and 0 <= share <= 1 else None


def version_in(value: Any) -> str | None:
    """A word, not a path: it stands in records."""
    return value if isinstance(value, str) and _VERSION.fullmatch(value) else None
