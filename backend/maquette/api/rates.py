"""Limits of how often heavy calls may come: per owner and per address, whichever of our servers they reach.

They hold wherever credentials are asked for. On one's own machine there is nobody to be protected from, so there they
hold only where they were set.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from fastapi import Request

from maquette.api.owners import Owner
from maquette.api.service import Serving
from maquette.db import rates
from maquette.errors import MaquetteError
from maquette.settings import Settings

Kind = Literal["uploads", "generates"]

UPLOADS_PER_MINUTE = 10
GENERATES_PER_HOUR = 50


class RateLimitedError(MaquetteError):
    """Too many calls of one kind lately."""

    code = "rate_limited"
    status = 429

    def __init__(self, kind: Kind, most: int, span: timedelta, wait_s: float) -> None:
        seconds = max(1, math.ceil(wait_s))
        span_s = int(span.total_seconds())
        super().__init__(
            f"At most {most} {kind} are taken within {span_s} seconds.",
            suggestion=f"Try again in {seconds} seconds. Several photos fit into one upload.",
            limit=most,
            window_s=span_s,
            retry_after_s=seconds,
        )
        self.retry_after_s = seconds  # type: ignore[misc]  # of this answer, where others have one of their class


@dataclass(frozen=True)
class Rate:
    """At most ``most`` calls within any ``span``; 0: as many as somebody likes."""

    most: int
    span: timedelta


def rates_of(settings: Settings, *, credentials: bool) -> dict[Kind, Rate]:
    """The limits that these settings make. ``credentials``: whether callers have to show any."""
    uploads, generates = settings.uploads_per_minute, settings.generates_per_hour
    return {
        "uploads": Rate(_chosen(uploads, UPLOADS_PER_MINUTE, credentials), timedelta(minutes=1)),
        "generates": Rate(_chosen(generates, GENERATES_PER_HOUR, credentials), timedelta(hours=1)),
    }


def _chosen(setting: int | None, usual: int, credentials: bool) -> int:
    return setting if setting is not None else usual if credentials else 0


def limited(kind: Kind) -> Callable[..., Awaitable[None]]:
    """A dependency of a route: counts the call before its body is read, or refuses it with 429 `rate_limited`.

    A rehearsal (``dry_run``) does nothing and is not counted.
    """

    async def count(request: Request, service: Serving, owner: Owner) -> None:
        rate = rates_of(service.settings, credentials=service.gate.asks)[kind]
        if not rate.most or request.query_params.get("dry_run", "").lower() in ("true", "1", "yes", "on"):
            return
        keys = [f"{kind} owner {owner}", f"{kind} address {_network(request)}"]
        async with service.statement() as conn:
            wait_s = await rates.take_turn(conn, keys, rate.most, rate.span)
        if wait_s > 0:
            raise RateLimitedError(kind, rate.most, rate.span, wait_s)

    return count


def _network(request: Request) -> str:
    """The caller's address; of IPv6 the 64 bits that belong to one customer, who may change the others at will."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(getattr(address, "ipv4_mapped", None) or address)
