"""Realtime through realtime-py, as supabase-py's async client opens it."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from realtime import RealtimeSubscribeStates
from supabase import AsyncClientOptions, create_async_client

pytestmark = [
    pytest.mark.supabase,
    # realtime-py's own use of websockets, where a connection is lost
    pytest.mark.filterwarnings(r"ignore:ConnectionClosed\.(code|reason) is deprecated"),
]

PATIENCE_S = 30


class Watcher:
    """A channel and what it was told."""

    def __init__(self, client, channel):
        self.client, self.channel = client, channel
        self.changes, self.systems, self.states = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()

    def follow(self, table, event="UPDATE", filter=None):
        """Add a subscription."""
        heard = self.changes.put_nowait
        self.channel.on_postgres_changes(event, heard, table=table, schema="public", filter=filter)

    async def subscribe(self):
        """Join, and wait until changes are followed."""
        self.channel.on_system(self.systems.put_nowait)
        await self.channel.subscribe(lambda state, error: self.states.put_nowait(state))
        await self.subscribed()

    async def subscribed(self):
        """Wait for both answers to a join."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.states.get() != RealtimeSubscribeStates.SUBSCRIBED:
                pass
            assert (await self.systems.get()).message == "Subscribed to PostgreSQL"

    def heard(self):
        """What was told so far and nobody waited for."""
        while not self.changes.empty():
            yield self.changes.get_nowait()

    async def change(self, of=lambda data: True):
        """The next change whose data ``of`` is true of."""
        async with asyncio.timeout(PATIENCE_S):
            while not of((change := await self.changes.get())["data"]):
                pass
            return change["data"]


@asynccontextmanager
async def watching(target, token):
    """A signed-in client with a channel."""
    http = httpx.AsyncClient(trust_env=not target.embedded)
    async with http:
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
        client = await create_async_client(target.supabase_url, target.publishable_key, options)
        await client.realtime.set_auth(token)
        try:
            yield Watcher(client, client.channel("watcher"))
        finally:
            await client.remove_all_channels()


@pytest.fixture
def project(make_project, owner):
    """A project of the owner."""
    return make_project(owner)


def rename(database, project, name):
    database.execute("update public.projects set name = %s where id = %s", [name, project])


async def test_a_program_follows_its_project(target, database, owner, project):
    async with watching(target, owner.token) as watcher:
        watcher.follow("projects", filter=f"id=eq.{project}")
        watcher.follow("runs", "INSERT", filter=f"project_id=eq.{project}")
        watcher.follow("projects", "DELETE", filter=f"id=eq.{project}")
        await watcher.subscribe()
        rename(database, project, "Live")
        data = await watcher.change()
        assert (data["schema"], data["table"], data["type"]) == ("public", "projects", "UPDATE")
        assert (data["record"]["name"], data["old_record"]) == ("Live", {"id": str(project)})
        database.execute("insert into public.runs (project_id, step) values (%s, 'upload')", [project])
        data = await watcher.change(lambda data: data["table"] == "runs")
        assert (data["type"], data["record"]["project_id"]) == ("INSERT", str(project))
        database.execute("delete from public.projects where id = %s", [project])
        data = await watcher.change(lambda data: data["type"] == "DELETE")
        assert data["old_record"] == {"id": str(project)}


async def test_a_program_whose_line_was_cut_comes_back_by_itself(target, database, owner, project):
    async with watching(target, owner.token) as watcher:
        watcher.follow("projects", filter=f"id=eq.{project}")
        await watcher.subscribe()
        for turn in ("first", "second"):
            # Below the client, as a failing network does.
            watcher.client.realtime._ws_connection.transport.abort()
            await watcher.subscribed()
            rename(database, project, f"After the {turn} cut")
            await watcher.change(lambda data, turn=turn: data["record"]["name"] == f"After the {turn} cut")


async def test_a_program_sees_what_its_user_may(target, database, owner, other, project, make_project):
    theirs = make_project(other)
    async with watching(target, other.token) as watcher:
        watcher.follow("projects")
        await watcher.subscribe()
        rename(database, project, "Hidden")
        rename(database, theirs, "Shown")
        ours = {str(project), str(theirs)}
        assert (await watcher.change(lambda data: data["record"]["id"] in ours))["record"]["name"] == "Shown"


async def test_a_program_takes_a_new_token(target, database, owner, other, project, make_project):
    theirs = make_project(other)
    async with watching(target, owner.token) as watcher:
        watcher.follow("projects")
        await watcher.subscribe()
        rename(database, project, "Mine")
        await watcher.change(lambda data: data["record"]["name"] == "Mine")
        await watcher.client.realtime.set_auth(other.token)
        async with asyncio.timeout(PATIENCE_S):
            for turn in range(1000):
                rename(database, theirs, f"Theirs {turn}")
                await asyncio.sleep(0.1)
                if any(change["data"]["record"]["id"] == str(theirs) for change in watcher.heard()):
                    break
        rename(database, project, "Hidden now")
        rename(database, theirs, "Last")
        last = await watcher.change(lambda data: data["record"]["name"] in ("Hidden now", "Last"))
        assert last["record"]["name"] == "Last"


async def test_a_program_can_leave(target, owner):
    async with watching(target, owner.token) as watcher:
        watcher.follow("projects")
        await watcher.subscribe()
        await watcher.channel.unsubscribe()
        async with asyncio.timeout(PATIENCE_S):
            assert await watcher.states.get() == RealtimeSubscribeStates.CLOSED
