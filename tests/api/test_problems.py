"""Faults of the database in the one shape of errors."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from fastapi import FastAPI
from psycopg import sql

from maquette.api import problems
from maquette.db.connection import open_pool
from maquette.embedded.stack import EmbeddedStack


async def test_a_table_that_a_migrate_changed_meanwhile(stack: EmbeddedStack) -> None:
    """A server that lives through `maquette db migrate` asks to be called again, and then answers."""
    name = f"changing_{uuid.uuid4().hex}"
    table = sql.Identifier("jobs", name)
    app = FastAPI()
    problems.register(app)
    async with (
        open_pool(stack.connections.database_url, max_size=1) as pool,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):

        @app.get("/")
        async def read() -> dict[str, Any]:
            async with pool.connection() as conn:
                [row] = await (await conn.execute(sql.SQL("select * from {}").format(table))).fetchall()
                return row

        async with pool.connection() as conn:
            await conn.execute(sql.SQL("create table {} as select 1 as one").format(table))
        try:
            for _ in range(7):  # psycopg prepares what it is asked often
                assert (await client.get("/")).json() == {"one": 1}
            async with pool.connection() as conn:
                # Not before psycopg's eyes, which forgets its statements when it alters something itself.
                await conn.execute(f"do $$ begin execute 'alter table jobs.{name} add two int'; end $$".encode())
            refused = await client.get("/")
            assert refused.status_code == 503 and refused.json()["error"]["code"] == "collision"
            assert refused.headers["Retry-After"] == "1"
            assert (await client.get("/")).json() == {"one": 1, "two": None}
        finally:
            async with pool.connection() as conn:
                await conn.execute(sql.SQL("drop table {}").format(table))
