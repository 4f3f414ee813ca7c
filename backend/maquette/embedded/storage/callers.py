"""Who asks, and a transaction in which Postgres applies that caller's row security."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from starlette.requests import Request

from maquette.db.connection import Pool
from maquette.embedded.storage.faults import access_denied

ROLES = ("anon", "authenticated", "service_role")


@dataclass(frozen=True)
class Keys:
    """What opens the service. Kept out of ``repr``."""

    secret: str = field(repr=False)
    publishable: str = field(repr=False)
    jwt_secret: str = field(repr=False)


@dataclass(frozen=True)
class Caller:
    """A database role and the claims that policies read."""

    role: str
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """The user's id, None for the service and for nobody."""
        return str(self.claims["sub"]) if self.claims.get("sub") else None


SERVICE = Caller("service_role", {"role": "service_role"})
NOBODY = Caller("anon", {"role": "anon"})


def identify(request: Request, keys: Keys) -> Caller:
    """The caller by bearer, else by apikey header: the secret key, the publishable key, or a user's JWT."""
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    credential = token.strip() if scheme.lower() == "bearer" else request.headers.get("apikey", "")
    if not credential:
        raise access_denied("No API key or bearer token found in the request")
    if _same(credential, keys.secret):
        return SERVICE
    if _same(credential, keys.publishable):
        return NOBODY
    return _by_token(credential, keys)


def _by_token(token: str, keys: Keys) -> Caller:
    try:
        claims = jwt.decode(
            token,
            keys.jwt_secret,
            # Pinned: a token may not choose how it is verified.
            algorithms=["HS256"],
            options={"require": ["exp", "role"], "verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise access_denied(str(error)) from None
    if claims["role"] not in ROLES:
        raise access_denied("The token names no role of this service")
    return Caller(claims["role"], claims)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


@asynccontextmanager
async def transaction_as(pool: Pool, caller: Caller) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A transaction under the caller's role. What Postgres then hides or refuses is the answer."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
            " set_config('storage.allow_delete_query', 'true', true)",
            [caller.role, json.dumps(caller.claims)],
        )
        yield connection
