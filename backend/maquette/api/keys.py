"""Machine keys at the gate: those of ``MAQUETTE_API_KEYS``, and those in the database."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from maquette.db import keys
from maquette.db.connection import Pool
from maquette.machine_keys import hash_of, is_made

KEPT_S = 3.0
"""A key found valid is not looked up again for so long: a revoked one opens nothing after at most 3 s. A key that was
not found is looked up every time, so a new one works at once."""

_MOST = 1000


@dataclass(frozen=True)
class Holder:
    """The user a key acts for, and until when that need not be asked again, in seconds since 1970; None: ever."""

    user: UUID
    valid_until: float | None


class KeyRing:
    """Knows keys by their SHA-256 only."""

    def __init__(self, configured: Mapping[str, UUID], pool: Pool, clock: Callable[[], float] = time.time) -> None:
        self._configured = {sha256.encode(): owner for sha256, owner in configured.items()}
        self._pool = pool
        self._clock = clock
        self._known: dict[str, Holder] = {}

    async def holder(self, given: str) -> Holder | None:
        """Whose key this is, None where it is none."""
        sha256 = hash_of(given)
        owner = self._by_configuration(sha256.encode())
        if owner is not None:
            return Holder(owner, None)
        # Only what could be one of ours: nobody makes the database work by sending anything at all.
        return await self._by_database(sha256) if is_made(given) else None

    def _by_configuration(self, sha256: bytes) -> UUID | None:
        # Every key is compared, each in constant time: the time says nothing about which one was how right.
        matches = [owner for known, owner in self._configured.items() if hmac.compare_digest(sha256, known)]
        return matches[0] if matches else None

    async def _by_database(self, sha256: str) -> Holder | None:
        now = self._clock()
        known = self._known.get(sha256)
        if known is not None and known.valid_until is not None and now < known.valid_until:
            return known
        self._known.pop(sha256, None)
        async with self._pool.connection() as conn:
            row = await keys.valid(conn, sha256)
        if row is None:
            return None
        until = now + KEPT_S
        if row["expires_at"] is not None:
            until = min(until, row["expires_at"].timestamp())
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[sha256] = Holder(row["owner_id"], until)
        return self._known[sha256]
