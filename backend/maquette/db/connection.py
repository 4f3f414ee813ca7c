"""Connections to Postgres: one at a time, or a pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from maquette.errors import UnavailableError

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

TRANSACTION_POOLER_PORT = "6543"
NOTICE_A_LOST_HOST = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A host that vanishes says nothing: its connections count as lost within a minute, and not in two hours."""


TABLE_CHANGED = psycopg.errors.FeatureNotSupported
"""What Postgres answers to a prepared ``select *`` of a table that a migrate has given another column meanwhile. The
pool rolls the connection back, which makes psycopg forget what it had prepared, so that the same call works again."""


class DatabaseUnreachableError(UnavailableError):
    """Postgres does not answer, or does not let us in."""

    code = "database_unreachable"


def connection_options(database_url: str, application_name: str = "maquette") -> dict[str, Any]:
    """Keyword arguments for every connection we open on this address."""
    options: dict[str, Any] = {"connect_timeout": 10, "application_name": application_name, **NOTICE_A_LOST_HOST}
    if is_transaction_pooler(database_url):
        # Each transaction may land on another server session, where our prepared statements are unknown.
        options["prepare_threshold"] = None
    return options


def is_transaction_pooler(database_url: str) -> bool:
    """Supabase's pooler on port 6543: no LISTEN, no prepared statements, no session state."""
    return conninfo_to_dict(database_url).get("port") == TRANSACTION_POOLER_PORT


def connect(database_url: str, application_name: str = "maquette") -> Connection[DictRow]:
    """One connection; :class:`DatabaseUnreachableError` says where it was sought, never the password."""
    try:
        return psycopg.connect(database_url, row_factory=dict_row, **connection_options(database_url, application_name))
    except psycopg.OperationalError as error:
        raise _unreachable(database_url, error) from None


async def connect_async(database_url: str, application_name: str = "maquette") -> AsyncConnection[DictRow]:
    """As :func:`connect`, for async code."""
    try:
        return await AsyncConnection.connect(
            database_url, row_factory=dict_row, **connection_options(database_url, application_name)
        )
    except psycopg.OperationalError as error:
        raise _unreachable(database_url, error) from None


@asynccontextmanager
async def open_pool(
    database_url: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    timeout_s: float = 10.0,
    application_name: str = "maquette",
) -> AsyncIterator[Pool]:
    """A pool whose connections give dict rows; open for as long as the block lasts.

    ``timeout_s`` bounds the wait for a free connection. A connection lost to a database restart is found before
    it is handed out.
    """
    pool: Pool = AsyncConnectionPool(
        database_url,
        min_size=min_size,
        max_size=max_size,
        timeout=timeout_s,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"row_factory": dict_row, **connection_options(database_url, application_name)},
        name=application_name,
    )
    try:
        try:
            await pool.open(wait=True, timeout=timeout_s)
        except PoolTimeout as error:
            raise _unreachable(database_url, error) from None
        yield pool
    finally:
        await pool.close()


def _unreachable(database_url: str, error: Exception) -> DatabaseUnreachableError:
    where = conninfo_to_dict(database_url)
    # libpq tells each address it tried on a line of its own, the last one last; indented lines are its questions.
    lines = [line for line in str(error).splitlines() if line[:1].strip()]
    reason = " ".join(lines[-1].rpartition(" failed: ")[2].split()) if lines else type(error).__name__
    return DatabaseUnreachableError(
        f"The database at {where.get('host', 'the local socket')}:{where.get('port', '5432')}"
        f" does not let us in: {reason}",
        suggestion="Check DATABASE_URL and that the database runs; for the embedded one, start `maquette serve`.",
    )
