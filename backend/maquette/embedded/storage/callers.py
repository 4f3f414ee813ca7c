"""Who asks, and a transaction in which Postgres applies that caller's row security."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from starlette.requests import Request

from maquette.db.connection import Pool
from maquette.embedded.callers import NOBODY, SERVICE, Caller, CredentialRefused, Keys, caller_by_credential
from maquette.embedded.storage.faults import access_denied

__all__ = ["NOBODY", "SERVICE", "Caller", "Keys", "identify", "transaction_as"]


def identify(request: Request, keys: Keys) -> Caller:
    """The caller by bearer, else by apikey header: the secret key, the publishable key, or a user's JWT."""
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    credential = token.strip() if scheme.lower() == "bearer" else request.headers.get("apikey", "")
    if not credential:
        raise access_denied("No API key or bearer token found in the request")
    try:
        return caller_by_credential(credential, keys)
    except CredentialRefused as refused:
        raise access_denied(str(refused)) from None


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
