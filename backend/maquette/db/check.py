"""``maquette db check``: is everything there that the service needs, and only that, and what to do where not."""

from __future__ import annotations

import time
from collections.abc import Callable

from maquette.db.check_connection import (
    check_clock,
    check_connection,
    check_migrations,
    check_role,
    unreachable_advice,
)
from maquette.db.check_schema import check_schema
from maquette.db.check_service import check_service
from maquette.db.connection import DatabaseUnreachableError, connect_async
from maquette.db.findings import Finding
from maquette.db.migrate import BUCKETS
from maquette.settings import Connections

__all__ = ["BUCKETS", "FOLLOWED", "Finding", "check"]

FOLLOWED = ("events", "gaussian_splat_models", "projects", "refinement_metrics", "runs")
"""Tables that pages may follow; sql/policies/0020_publish_tables.sql puts them into the publication."""


async def check(connections: Connections, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Look at everything that can be looked at; without a database, only at the services beside it."""
    try:
        connection = await connect_async(connections.database_url, "maquette-check")
    except DatabaseUnreachableError as error:
        advice = unreachable_advice(connections.database_url, error.suggestion)
        return [Finding("connection", "failure", error.message, advice), *await check_service(connections, None)]
    async with connection:
        connection.prepare_threshold = None
        await connection.set_autocommit(True)
        role = await check_role(connection)
        return [
            await check_connection(connection, connections.database_url),
            await check_clock(connection, clock),
            role,
            # A role without rights would only be refused here.
            *([await check_migrations(connection), *await check_schema(connection)] if role.ok else []),
            *await check_service(connections, connection if role.ok else None),
        ]
