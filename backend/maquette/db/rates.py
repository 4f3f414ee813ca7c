"""How often somebody may call: counted in the database, so that it holds across all API servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from maquette.db.rows import Connection, fetch_one


async def take_turn(conn: Connection, keys: Sequence[str], most: int, span: timedelta) -> float:
    """Count a call under every key, where none has had ``most`` within ``span``. 0, or the seconds to wait."""
    row = await fetch_one(conn, "select maquette.take_turn(%s, %s, %s) as wait", [sorted(set(keys)), most, span])
    if row is None:
        raise RuntimeError("take_turn returned no row")
    return float(row["wait"])
