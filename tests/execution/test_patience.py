"""What a run waits for, and what it tries again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from psycopg import sql

from maquette.db.connection import Pool, open_pool
from maquette.embedded.stack import EmbeddedStack
from maquette.execution.patience import patiently


@pytest.fixture
async def pool(stack: EmbeddedStack) -> AsyncIterator[Pool]:
    async with open_pool(stack.connections.database_url, max_size=1) as opened:
        yield opened


async def test_a_table_that_a_migrate_changed_meanwhile(pool: Pool) -> None:
    """A worker that lives through `maquette db migrate` must not lose the run that it has just finished."""
    name = f"changing_{uuid.uuid4().hex}"
    table = sql.Identifier("jobs", name)
    read_all = sql.SQL("select * from {}").format(table)

    async def read() -> list[str]:
        async with pool.connection() as conn:
            [row] = await (await conn.execute(read_all)).fetchall()
            return list(row)

    async with pool.connection() as conn:
        await conn.execute(sql.SQL("create table {} as select 1 as one").format(table))
    try:
        for _ in range(7):  # psycopg prepares what it is asked often
            assert await read() == ["one"]
        async with pool.connection() as conn:
            # Not before psycopg's eyes, which forgets its statements when it alters something itself.
            await conn.execute(f"do $$ begin execute 'alter table jobs.{name} add two int'; end $$".encode())
        assert await patiently(read, "a test") == ["one", "two"]
    finally:
        async with pool.connection() as conn:
            await conn.execute(sql.SQL("drop table {}").format(table))
