"""A crowd that watches one project: nobody misses a change. How fast that goes is bench/realtime.py's question."""

import asyncio
from contextlib import AsyncExitStack

import psycopg
from tests.embedded.realtime_line import line, make_user, sql

SOCKETS, CHANGES = 200, 40


async def test_two_hundred_sockets_are_each_told_of_every_change(storage):
    owner = make_user(storage)
    project = str(sql(storage, "insert into projects (owner_id, name) values (%s, 'crowd') returning id", [owner]))
    wanted = {"event": "UPDATE", "schema": "public", "table": "projects", "filter": f"id=eq.{project}"}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(line(storage)) for _ in range(SOCKETS)]
        for start in range(0, SOCKETS, 20):
            await asyncio.gather(*(client.follow(wanted) for client in clients[start : start + 20]))

        def change():
            with psycopg.connect(storage.database_url, autocommit=True) as db:
                for number in range(1, CHANGES + 1):
                    db.execute("update projects set progress_percentage = %s where id = %s", [number, project])

        told, _ = await asyncio.gather(
            asyncio.gather(*(client.changes(CHANGES) for client in clients)), asyncio.to_thread(change)
        )
    for changes in told:
        shown = [data["record"]["progress_percentage"] for data in changes]
        # A change may be told with a newer state of its row, never with an older one.
        assert shown == sorted(shown) and shown[-1] == CHANGES
        assert all(data["record"]["id"] == project for data in changes)
    sql(storage, "delete from projects where id = %s", [project])
