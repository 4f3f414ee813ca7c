"""The unmodified realtime-py; supabase-js is driven by tests/supabase."""

import asyncio

from realtime import AsyncRealtimeClient, RealtimePostgresChangesListenEvent, RealtimeSubscribeStates
from tests.embedded.realtime_line import make_user, sql, token_for


async def test_realtime_py(storage):
    owner = make_user(storage)
    project = str(sql(storage, "insert into projects (owner_id) values (%s) returning id", [owner]))
    client = AsyncRealtimeClient(f"{storage.supabase_url}/realtime/v1", storage.publishable_key)
    await client.connect()
    try:
        await client.set_auth(token_for(storage, owner))
        told, states = asyncio.Queue(), asyncio.Queue()
        channel = client.channel("project")
        channel.on_postgres_changes(
            RealtimePostgresChangesListenEvent.All,
            schema="public",
            table="projects",
            filter=f"id=eq.{project}",
            callback=told.put_nowait,
        )
        await channel.subscribe(lambda state, error: states.put_nowait((state, error)))

        async def next_of(queue):
            async with asyncio.timeout(10):
                return await queue.get()

        assert await next_of(states) == (RealtimeSubscribeStates.SUBSCRIBED, None)
        sql(storage, "update projects set progress_percentage = 50 where id = %s", [project])
        update = (await next_of(told))["data"]
        assert update["type"] == "UPDATE" and update["record"]["progress_percentage"] == 50
        assert update["old_record"] == {"id": project}

        # The database drops the line: the client joins again by itself and hears on.
        query = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = %s"
        assert sql(storage, query, ["maquette-listener"])
        assert (await next_of(states))[0] == RealtimeSubscribeStates.CHANNEL_ERROR
        assert await next_of(states) == (RealtimeSubscribeStates.SUBSCRIBED, None)
        sql(storage, "delete from projects where id = %s", [project])
        assert (await next_of(told))["data"]["old_record"] == {"id": project}
        await channel.unsubscribe()
    finally:
        await client.close()
