"""Clients that do not read, databases that go away, servers that stop."""

import asyncio
import json
import shutil
import tempfile
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette
from tests.conftest import serve_app
from tests.embedded.realtime_line import address, line, make_user, sql
from tests.ports import free_port
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from maquette.db.connection import open_pool
from maquette.db.listener import Listener
from maquette.embedded.realtime.app import serve_realtime
from maquette.embedded.realtime.outbox import MOST_CHARACTERS, MOST_MESSAGES, Outbox
from maquette.embedded.stack import run_stack
from maquette.settings import Settings

PROJECTS = {"event": "*", "schema": "public", "table": "projects"}


def make_project(connections):
    return str(sql(connections, "insert into projects (owner_id) values (%s) returning id", [make_user(connections)]))


def touch(connections, project, percentage=1):
    sql(connections, "update projects set progress_percentage = %s where id = %s", [percentage, project])


def cut(connections, name):
    query = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = %s"
    return sql(connections, query, [name])


def test_the_outbox_is_bounded():
    async def fill(text, number):
        box = Outbox()
        for _ in range(number):
            box.put(text)
        return box.overflowed.is_set()

    assert not asyncio.run(fill("x", MOST_MESSAGES))
    assert asyncio.run(fill("x", MOST_MESSAGES + 1))
    assert not asyncio.run(fill("x" * (MOST_CHARACTERS * 2), 1))  # a large one alone still goes
    assert asyncio.run(fill("x" * (MOST_CHARACTERS // 4), 5))


@pytest.fixture
def wide(storage):
    """A published table with rows of nearly a megabyte."""
    with psycopg.connect(storage.database_url, autocommit=True) as db:
        db.execute("create schema wide; create table wide.rows (id integer primary key, filling text)")
        db.execute("grant usage on schema wide to service_role; grant select on wide.rows to service_role")
        db.execute("alter publication supabase_realtime add table wide.rows")
        yield db
        db.execute("drop schema wide cascade")


async def test_who_does_not_read_is_cut_off_and_holds_up_nobody(storage, wide):
    params = {"event": "*", "schema": "wide", "table": "rows"}
    join = ["1", "1", "realtime:slow", "phx_join", {"config": {"postgres_changes": [params]}}]
    async with connect(address(storage, storage.secret_key), proxy=None, compression=None) as slow:
        await slow.send(json.dumps(join))
        for _ in range(2):
            await slow.recv()
        slow.transport.pause_reading()
        async with line(storage, max_size=None, compression=None) as quick:
            await quick.follow(params)
            for number in range(20):
                wide.execute("insert into wide.rows values (%s, repeat('x', 900000))", [number])
                assert [data["record"]["id"] for data in await quick.changes(1)] == [number]
        slow.transport.resume_reading()
        got = 0
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(20):
                while True:
                    await slow.recv()
                    got += 1
        assert got < 20


async def test_a_lost_listener_is_said(storage):
    project = make_project(storage)
    async with line(storage) as client:
        await client.follow(PROJECTS, join_ref="3")
        await client.join(topic="realtime:follows nothing")
        assert cut(storage, "maquette-listener")
        failed = await client.receive()
        assert (failed["topic"], failed["event"], failed["join_ref"]) == ("realtime:t", "phx_error", "3")
        await client.follow(PROJECTS)
        touch(storage, project)
        assert [data["record"]["id"] for data in await client.changes(1)] == [project]


async def test_a_fault_ends_its_own_socket_and_is_logged(storage, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError

    async with line(storage) as other, line(storage) as client:
        await other.follow(PROJECTS)
        with monkeypatch.context() as patch:
            patch.setattr("maquette.embedded.realtime.session.parse_binding", broken)
            await client.send("realtime:t", "phx_join", {"config": {"postgres_changes": [PROJECTS]}})
            with pytest.raises(ConnectionClosed) as closed:
                await client.receive()
        assert closed.value.rcvd.code == 1011
        assert "could not be answered" in caplog.text
        await other.alive()


async def test_lost_connections_that_read_lose_nothing(storage):
    project = make_project(storage)
    async with line(storage) as client:
        await client.follow(PROJECTS)
        for number in range(3):
            async with asyncio.timeout(30):
                # Those that were cut last are made anew when they are wanted.
                while not await asyncio.to_thread(cut, storage, "maquette-realtime"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            touch(storage, project, number)
            assert [data["record"]["progress_percentage"] for data in await client.changes(1)] == [number]


@pytest.fixture
def own_stack():
    home = Path(tempfile.mkdtemp(prefix="maquette-test-"))
    home.chmod(0o755)
    with run_stack(Settings(home=home, port=free_port())) as stack:
        yield stack
    shutil.rmtree(home)


def realtime_app(connections):
    @asynccontextmanager
    async def lifespan(app):
        listener = Listener(connections.database_url)
        async with (
            open_pool(connections.database_url, application_name="maquette-realtime") as pool,
            serve_realtime(app, connections, pool, listener),
            listener.running(),
        ):
            yield

    return Starlette(lifespan=lifespan)


async def test_a_database_that_restarts(own_stack):
    connections = own_stack.connections
    project = make_project(connections)
    with serve_app(realtime_app(connections), int(connections.supabase_url.rpartition(":")[2])):
        async with line(connections) as client:
            await client.follow(PROJECTS)
            await asyncio.to_thread(own_stack.postgres.stop)
            # A join that waits is answered once the database is back; what was in force is told to join again.
            config = {"config": {"postgres_changes": [PROJECTS]}}
            await client.send("realtime:meanwhile", "phx_join", config, join_ref="9", ref="9")
            await asyncio.to_thread(own_stack.mend)
            frames = [await client.receive() for _ in range(3)]
            assert [frame["event"] for frame in frames if frame["topic"] == "realtime:t"] == ["phx_error"]
            [reply, system] = [frame["payload"] for frame in frames if frame["topic"] == "realtime:meanwhile"]
            assert reply["status"] == system["status"] == "ok"
            await client.send("realtime:meanwhile", "phx_leave", {})
            assert [(await client.receive())["event"] for _ in range(2)] == ["phx_reply", "phx_close"]
            await client.follow(PROJECTS, topic="realtime:after")
            touch(connections, project)
            assert (await client.receive_event("postgres_changes"))["data"]["record"]["id"] == project


def test_a_server_that_stops_lets_its_clients_go(storage):
    server = uvicorn.Server(uvicorn.Config(realtime_app(storage), port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    connections = type(storage)(
        **{**{name: getattr(storage, name) for name in storage.__dataclass_fields__}}
        | {"supabase_url": f"http://127.0.0.1:{server.config.port}"}
    )

    async def stop_while_following():
        async with line(connections) as client:
            await client.follow(PROJECTS)
            server.should_exit = True
            with pytest.raises(ConnectionClosed) as closed:
                await client.receive()
            return closed.value.rcvd.code

    assert asyncio.run(stop_while_following()) == 1012
    thread.join(10)
    assert not thread.is_alive()
