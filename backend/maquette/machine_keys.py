"""Keys that programs call with: what they look like, how they are made, and the only form in which they are kept.

A key is kept as its SHA-256 and nothing else. A slow password hash would add nothing: ours hold 256 random bits, which
nobody can try out, and every call would have to pay for it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from uuid import UUID

MADE = "mqk_"
"""Keys made by ``maquette keys create`` begin with this, so that scanners for leaked secrets can know them."""

SHORTEST = 16
SHOWN = len(MADE) + 8
"""Characters that lists show of a key, to tell keys apart; 208 of its 256 bits stay hidden."""

_MADE = re.compile(rf"{MADE}[A-Za-z0-9_-]{{43}}")
_HASHED = "sha256:"


@dataclass(frozen=True)
class MachineKey:
    """One entry of ``MAQUETTE_API_KEYS``: the key's SHA-256 in hexadecimal, and the user it acts for, where named."""

    sha256: str = field(repr=False)
    owner: UUID | None = None


def make_key() -> str:
    """A new key with 32 random bytes."""
    return MADE + secrets.token_urlsafe(32)


def is_made(key: str) -> bool:
    """Whether ``maquette keys create`` could have printed this."""
    return _MADE.fullmatch(key) is not None


def hash_of(key: str) -> str:
    """The SHA-256 under which a key is known, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_entry(entry: str) -> MachineKey:
    """An entry ``[user UUID:]key`` or ``[user UUID:]sha256:hex``; ValueError says what is wrong, never the value."""
    first, colon, rest = entry.partition(":")
    owner = _uuid(first) if colon else None
    key = entry if owner is None else rest
    if key.startswith(_HASHED):
        sha256 = key.removeprefix(_HASHED).lower()
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("after sha256: stand the 64 hexadecimal digits of a key's SHA-256")
        return MachineKey(sha256, owner)
    if len(key) < SHORTEST:
        raise ValueError(
            f"a key is shorter than {SHORTEST} characters and could be guessed; `openssl rand -hex 32` makes a good one"
        )
    if not re.fullmatch("[!-~]+", key):
        raise ValueError("a key holds spaces or characters outside ASCII, which HTTP headers do not carry")
    return MachineKey(hash_of(key), owner)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
