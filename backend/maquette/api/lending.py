"""Signed addresses that were handed out lately, to hand out again: storage signs each object once in a while, and a
page that reads a list again gets the addresses that its browser has the pictures of."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping

LENT_SHARE = 0.25
"""The part of its life during which an address is handed out again; whoever gets it has the rest."""

MOST = 20_000
"""Addresses kept, about 600 bytes each; the ones not asked for longest go first."""


class Lending:
    """By bucket and path, for addresses of one and the same lifetime."""

    def __init__(self) -> None:
        self._lent: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()

    def find(self, bucket: str, path: str) -> str | None:
        """The address lent lately, if it is still fresh."""
        known = self._lent.get((bucket, path))
        if known is None or known[0] < time.monotonic():
            return None
        self._lent.move_to_end((bucket, path))
        return known[1]

    def keep(self, bucket: str, addresses: Mapping[str, str | None], lifetime_s: float) -> None:
        """Remember addresses signed just now, by path; missing objects (None) are asked for again each time."""
        fresh_until = time.monotonic() + LENT_SHARE * lifetime_s
        for path, address in addresses.items():
            if address is not None:
                self._lent[bucket, path] = fresh_until, address
                self._lent.move_to_end((bucket, path))
        while len(self._lent) > MOST:
            self._lent.popitem(last=False)
