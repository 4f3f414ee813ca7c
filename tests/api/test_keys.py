"""Machine keys: whose they are, where they are kept, and when they stop."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from psycopg_pool import PoolClosed
from tests.api.supabase import LittleSupabase
from tests.api.worker import Worker
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from maquette.api.keys import KEPT_S, KeyRing
from maquette.api.owners import LOCAL_OWNER
from maquette.api.tokens import LEEWAY_S
from maquette.db import keys
from maquette.db.connection import Pool, connect_async, open_pool
from maquette.db.rows import Row
from maquette.machine_keys import MachineKey, hash_of, is_made, make_key
from maquette.settings import Connections, Settings

CONFIGURED = "a-configured-key-of-a-user"


@pytest.fixture
def user(worker: Worker) -> uuid.UUID:
    made = uuid.uuid4()
    worker.sql("insert into auth.users (id, email) values (%s, %s)", made, f"{made}@example.org")
    return made


@pytest.fixture
def new_key(connections: Connections) -> Callable[..., str]:
    def make(owner: uuid.UUID, expires_at: datetime | None = None) -> str:
        key = make_key()

        async def keep() -> None:
            async with await connect_async(connections.database_url) as conn:
                await keys.create(conn, key, "test", owner, expires_at)

        asyncio.run(keep())
        return key

    return make


def get(url: str, key: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{url}/api/v1/session", headers={"X-API-Key": key, **headers}, trust_env=False)


def test_made_keys_are_long_and_known_by_their_beginning() -> None:
    made = {make_key() for _ in range(100)}
    assert len(made) == 100
    for key in made:
        assert is_made(key) and key.startswith("mqk_") and len(key) == 47


def test_beside_supabase_a_key_is_its_user(
    settings: Settings,
    little_supabase: LittleSupabase,
    serve_beside_supabase: Any,
    user: uuid.UUID,
    new_key: Callable[..., str],
) -> None:
    entries = tuple(MachineKey(hash_of(key), user) for key in (CONFIGURED, "another-key-of-the-user"))
    keyed = settings.model_copy(update={"api_keys": entries})
    with serve_beside_supabase(keyed) as url:
        for key in (CONFIGURED, "another-key-of-the-user", new_key(user)):
            assert get(url, key).json()["owner_id"] == str(user)
            bearer = httpx.get(f"{url}/api/v1/session", headers={"Authorization": f"Bearer {key}"}, trust_env=False)
            assert bearer.json()["owner_id"] == str(user)
        # Users sign in as before.
        token = {"Authorization": f"Bearer {little_supabase.token(user)}"}
        assert httpx.get(f"{url}/api/v1/session", headers=token, trust_env=False).json()["owner_id"] == str(user)
        for wrong in (
            CONFIGURED[:-1],
            CONFIGURED + "x",
            hash_of(CONFIGURED),
            f"{user}:{CONFIGURED}",
            make_key(),
            "mqk_",
        ):
            answer = get(url, wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "credentials_wrong")


class TestEmbedded:
    def test_keys_of_both_kinds_open(
        self, settings: Settings, serve_again: Any, user: uuid.UUID, new_key: Callable[..., str]
    ) -> None:
        keyed = settings.model_copy(update={"api_keys": (MachineKey(hash_of(CONFIGURED)),)})
        with serve_again(keyed) as url:
            assert get(url, CONFIGURED).json()["owner_id"] == str(LOCAL_OWNER)
            assert get(url, new_key(LOCAL_OWNER)).json()["owner_id"] == str(LOCAL_OWNER)
            assert get(url, new_key(user)).json()["owner_id"] == str(user)
            assert get(url, make_key()).status_code == 401

    def test_without_configured_keys_a_valid_one_works_from_anywhere(
        self, address: str, user: uuid.UUID, new_key: Callable[..., str], worker: Worker
    ) -> None:
        key = new_key(user)
        assert get(address, key).json()["owner_id"] == str(user)
        assert get(address, key, Host="maquette.example").json()["owner_id"] == str(user)
        assert get(address, "", Host="maquette.example").status_code == 403
        # Other credentials say nothing here, as before: whoever is on this machine is the local owner.
        assert get(address, "something else").json()["owner_id"] == str(LOCAL_OWNER)
        worker.sql("update maquette.api_keys set revoked_at = now() where key_sha256 = %s", hash_of(key))
        time.sleep(KEPT_S)
        for wrong in (key, make_key(), "mqk_"):
            assert get(address, wrong).json()["error"]["code"] == "credentials_wrong"


class TestKept:
    def test_only_hashes_are(self, worker: Worker, user: uuid.UUID, new_key: Callable[..., str]) -> None:
        key = new_key(user)
        [row] = worker.sql("select k.*, k::text as whole from maquette.api_keys k where owner_id = %s", user)
        assert row["key_sha256"] == sha256(key.encode()).hexdigest()
        assert row["key_prefix"] == key[:12]
        assert key not in row["whole"] and key[13:] not in row["whole"]

    def test_nothing_in_logs(
        self,
        little_supabase: LittleSupabase,
        user: uuid.UUID,
        new_key: Callable[..., str],
        hosted: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        key, token = new_key(user), little_supabase.token(user)
        with caplog.at_level(logging.DEBUG, logger="maquette"):
            for given in (key, token, make_key(), token[:-4]):
                headers = {"Authorization": f"Bearer {given}"}
                httpx.get(f"{hosted}/api/v1/projects", headers=headers, trust_env=False)
        assert "/api/v1/projects 200" in caplog.text and "/api/v1/projects 401" in caplog.text
        for secret in (key[12:], token.rpartition(".")[2][:-4]):
            assert secret not in caplog.text

    def test_keys_go_with_their_user(
        self, hosted: str, worker: Worker, user: uuid.UUID, new_key: Callable[..., str]
    ) -> None:
        key = new_key(user)
        worker.sql("delete from auth.users where id = %s", user)
        assert get(hosted, key).status_code == 401
        assert worker.sql("select 1 from maquette.api_keys where owner_id = %s", user) == []


@pytest.fixture
async def pool(connections: Connections) -> Any:
    async with open_pool(connections.database_url, max_size=2) as pool:
        yield pool


async def sql(pool: Pool, query: str, *values: Any) -> list[Row]:
    async with pool.connection() as conn:
        cursor = await conn.execute(query.encode(), values)
        return await cursor.fetchall() if cursor.description else []


class TestRing:
    @pytest.fixture
    def clock(self) -> list[float]:
        return [time.time()]

    async def make(self, pool: Pool, expires_at: datetime | None = None) -> tuple[str, Row]:
        key = make_key()
        async with pool.connection() as conn:
            return key, await keys.create(conn, key, "test", LOCAL_OWNER, expires_at)

    async def test_a_revoked_key_opens_nothing_after_seconds(self, pool: Pool, clock: list[float]) -> None:
        ring = KeyRing({}, pool, lambda: clock[0])
        key, row = await self.make(pool)
        first = await ring.holder(key)
        assert first is not None and first.user == LOCAL_OWNER and first.valid_until == clock[0] + KEPT_S
        await sql(pool, "update maquette.api_keys set revoked_at = now() where id = %s", row["id"])
        clock[0] += KEPT_S - 0.1
        assert await ring.holder(key) == first
        clock[0] += 0.2
        assert await ring.holder(key) is None

    async def test_a_key_stops_when_it_expires(self, pool: Pool, clock: list[float]) -> None:
        ring = KeyRing({}, pool, lambda: clock[0])
        key, row = await self.make(pool, datetime.now(UTC) + timedelta(seconds=1))
        holder = await ring.holder(key)
        assert holder is not None and holder.valid_until == row["expires_at"].timestamp()
        clock[0] = holder.valid_until
        await sql(pool, "update maquette.api_keys set expires_at = now() where id = %s", row["id"])
        assert await ring.holder(key) is None

    async def test_a_new_key_works_at_once(self, pool: Pool) -> None:
        ring = KeyRing({}, pool)
        key = make_key()
        assert await ring.holder(key) is None
        async with pool.connection() as conn:
            await keys.create(conn, key, "test", LOCAL_OWNER)
        assert await ring.holder(key) is not None

    async def test_what_cannot_be_a_key_does_not_reach_the_database(self, connections: Connections) -> None:
        async with open_pool(connections.database_url) as pool:
            pass
        ring = KeyRing({hash_of(CONFIGURED): LOCAL_OWNER}, pool)
        for given in ("", "x", "mqk_", "mqk_" + "a" * 42, "mqk_" + "a" * 44, "mqk_" + "ä" * 43, "\xff" * 47):
            assert await ring.holder(given) is None
        assert await ring.holder(CONFIGURED) is not None
        with pytest.raises(PoolClosed):
            await ring.holder(make_key())

    async def test_a_key_is_found_by_index(self, pool: Pool) -> None:
        """Among so few rows a scan would be cheaper: with scans forbidden, only an index that fits is left."""
        async with pool.connection() as conn:
            await conn.execute("set local enable_seqscan = off")
            plan = await conn.execute("explain select id from maquette.api_keys where key_sha256 = 'a'")
            assert "Index Scan using api_keys_key_sha256_key" in str(await plan.fetchall())

    async def test_the_use_is_noted_once_a_minute(self, pool: Pool) -> None:
        _, row = await self.make(pool)

        async def used() -> datetime | None:
            async with pool.connection() as conn:
                assert await keys.valid(conn, row["key_sha256"]) is not None
            [found] = await sql(pool, "select last_used_at from maquette.api_keys where id = %s", row["id"])
            moment: datetime | None = found["last_used_at"]
            return moment

        first = await used()
        assert first is not None and await used() == first
        await sql(
            pool,
            "update maquette.api_keys set last_used_at = now() - interval '61 seconds' where id = %s",
            row["id"],
        )
        later = await used()
        assert later is not None and later > first


class TestOpenSockets:
    """Whoever watches is shown out when the credentials end."""

    @pytest.fixture
    def project_of_user(self, worker: Worker, user: uuid.UUID) -> str:
        [row] = worker.sql("insert into public.projects (owner_id) values (%s) returning id", user)
        return str(row["id"])

    async def test_a_token_expires(
        self, hosted: str, little_supabase: LittleSupabase, user: uuid.UUID, project_of_user: str
    ) -> None:
        exp = int(time.time()) - LEEWAY_S + 2
        assert await self.shown_out(hosted, project_of_user, little_supabase.token(user, exp=exp)) >= exp + LEEWAY_S

    async def test_a_key_is_revoked(
        self, hosted: str, worker: Worker, user: uuid.UUID, new_key: Callable[..., str], project_of_user: str
    ) -> None:
        key = await asyncio.to_thread(new_key, user)
        await self.shown_out(
            hosted,
            project_of_user,
            key,
            lambda: worker.sql("update maquette.api_keys set revoked_at = now() where key_sha256 = %s", hash_of(key)),
        )

    async def shown_out(
        self, hosted: str, project_id: str, given: str, change: Callable[[], object] = lambda: None
    ) -> float:
        """When the socket was closed; it was open before."""
        url = f"{hosted.replace('http', 'ws', 1)}/api/v1/projects/{project_id}/events"
        protocols: Any = ["maquette", f"bearer.{given}"]
        async with connect(url, subprotocols=protocols, proxy=None) as socket:
            assert json.loads(await socket.recv())["type"] == "init"
            await asyncio.to_thread(change)
            async with asyncio.timeout(15):
                told = json.loads(await socket.recv())
                assert told["type"] == "error" and told["error"]["code"] == "credentials_wrong"
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
        return time.time()
