"""The order of the line, which both ways of asking for a place agree on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from maquette.db import queue
from maquette.db.connection import connect_async
from maquette.db.rows import insert
from maquette.embedded.stack import EmbeddedStack


async def test_the_line_goes_by_turn_then_by_age(stack: EmbeddedStack) -> None:
    now = datetime.now(UTC)
    owners = [uuid4(), uuid4()]
    async with await connect_async(stack.connections.database_url) as conn:
        projects = []
        for owner in owners:
            await conn.execute("insert into auth.users (id) values (%s)", [owner])
            projects.append((await insert(conn, "projects", {"name": "P", "owner_id": owner}))["id"])

        async def add(project: int, turn: int, age_s: int, **values: Any) -> Any:
            queued_at = now - timedelta(seconds=age_s)
            columns = {"project_id": projects[project], "step": "export", "turn": turn, "queued_at": queued_at}
            return (await insert(conn, "runs", {**columns, **values}))["id"]

        # Beyond the turns of all that other tests leave in line.
        late = await add(0, 10**6 + 1, 90)
        second = await add(0, 10**6, 10)
        first = await add(1, 10**6, 20)
        again = await add(1, 10**6 - 1, 5, attempt=1, not_before=now + timedelta(hours=1))
        running = await add(1, 10**6 + 5, 5, status="running", attempt=1, started_at=now - timedelta(seconds=30))
        ended = await add(1, 1, 5, status="cancelled")
        line = await queue.line(conn)
        mine = {row["id"]: row for row in line if row["owner_id"] in owners}
        waiting = [row["id"] for row in line if row["status"] == "queued" and row["owner_id"] in owners]
        assert waiting == [again, first, second, late]
        places = [mine[run]["position"] for run in waiting]
        assert places == list(range(places[0], places[0] + 4))
        assert [await queue.position(conn, run) for run in waiting] == places
        assert mine[running]["position"] == 0 == await queue.position(conn, running)
        assert 29 < mine[running]["elapsed_s"] < 90 and mine[running]["back_off_s"] == 0
        assert 3500 < mine[again]["back_off_s"] <= 3600
        assert ended not in mine and await queue.position(conn, ended) is None
        await conn.rollback()
