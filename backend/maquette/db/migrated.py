"""Whether the tables are those of this Maquette, asked of a database that serves."""

from __future__ import annotations

from functools import cache

from maquette.db.migrate import sql_files
from maquette.db.rows import Connection, fetch_all, fetch_one


async def missing_migrations(conn: Connection) -> list[str] | None:
    """Migrations of this Maquette that the database lacks, None where it has no tables at all. Those of a newer one
    are no trouble here: it is there already while the old service still answers."""
    row = await fetch_one(conn, "select to_regclass('maquette.maquette_migrations') is not null as there", [])
    if row is None or not row["there"]:
        return None
    rows = await fetch_all(conn, "select name from maquette.maquette_migrations", [])
    return sorted(_ours() - {row["name"] for row in rows})


@cache
def _ours() -> frozenset[str]:
    return frozenset(path.name for path in sql_files(None, "migrations"))
