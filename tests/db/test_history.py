"""What earlier runs say of one to come: which of them count, and how other sizes are scaled."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from maquette.api.owners import LOCAL_OWNER
from maquette.db.connection import connect_async
from maquette.db.history import Expected, bytes_stored, expect, percentile, samples
from maquette.db.rows import Connection, insert
from maquette.embedded.stack import EmbeddedStack

HOURS = itertools.count()
"""Each run ends after those before it."""


def sample(seconds: float, size: float = 10.0, memory: float | None = None) -> dict[str, Any]:
    return {"id": uuid4(), "seconds": seconds, "size": size, "peak_memory_mb": memory}


class TestExpect:
    def test_nothing_to_go_by(self) -> None:
        assert expect([], 10) == Expected()
        assert Expected().note == "no history yet"

    def test_those_of_about_the_same_size_count_as_they_are(self) -> None:
        found = expect([sample(s, memory=m) for s, m in [(10, 100), (20, 300), (30, 200)]] + [sample(999, 100)], 14)
        assert (found.seconds_p50, found.seconds_p90, found.samples) == (20, 28, 3)
        assert found.peak_memory_mb == 280
        assert found.note == "by 3 earlier runs of the same kind and size"

    def test_the_bound_of_about_the_same_size(self) -> None:
        near = [sample(10, 15.0), sample(10, 15.0), sample(10, 20 / 3)]
        assert expect(near, 10).note.endswith("and size")
        assert expect([sample(10, 15.1), *near[1:]], 10).note.endswith("scaled from other sizes")

    def test_too_few_of_them_and_the_nearest_are_scaled(self) -> None:
        found = expect([sample(10, 10), sample(80, 40), sample(90, 30)], 20)
        assert (found.seconds_p50, found.samples) == (40, 3)
        assert found.note == "by 3 earlier runs of the same kind, scaled from other sizes"

    def test_only_the_nearest_are_scaled(self) -> None:
        far = [sample(1, 1000)] * 20
        assert expect(far + [sample(100, 100)] * 10, 300).seconds_p50 == pytest.approx(300)

    def test_one_or_two_tell_no_spread(self) -> None:
        found = expect([sample(10)], 10)
        assert (found.seconds_p50, found.seconds_p90, found.samples) == (10, None, 1)
        assert found.note == "by 1 earlier run of the same kind and size"

    def test_sizes_of_nothing_are_not_divided_by(self) -> None:
        assert expect([sample(10, 0)], 5).seconds_p50 == 10
        assert expect([sample(10, 5)], 0).seconds_p50 == 10


def test_percentiles_are_those_of_postgres() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([10, 20, 30], 0.9) == pytest.approx(28)
    assert percentile([7], 0.9) == 7


@pytest.fixture
async def conn(stack: EmbeddedStack) -> AsyncIterator[Connection]:
    async with await connect_async(stack.connections.database_url) as conn:
        yield conn
        await conn.rollback()


async def done(conn: Connection, project: UUID, workload: str, seconds: float, **values: Any) -> UUID:
    """A run that ended after so many seconds, unless ``values`` say otherwise."""
    ended = datetime.now(UTC) + timedelta(hours=next(HOURS))
    row = await insert(
        conn,
        "runs",
        {
            "project_id": project,
            "step": "generate",
            "workload": workload,
            "status": "completed",
            "attempt": 1,
            "size": 8.0,
            "started_at": ended - timedelta(seconds=seconds),
            "finished_at": ended,
            **values,
        },
    )
    return UUID(str(row["id"]))


@pytest.fixture
async def project(conn: Connection) -> UUID:
    row = await insert(conn, "projects", {"name": "History", "owner_id": LOCAL_OWNER})
    return UUID(str(row["id"]))


class TestSamples:
    async def test_only_whole_first_attempts_that_were_completed_count(self, conn: Connection, project: UUID) -> None:
        name = f"generate/{uuid4()}"
        first = await done(conn, project, name, 10, timings={"training": 7.5, "peak_memory_mb": 812.5})
        plain = await done(conn, project, name, 20, size=9.0)
        await done(conn, project, name, 30, status="failed")
        await done(conn, project, name, 40, attempt=2)
        await done(conn, project, name, 50, continues_id=first)
        await done(conn, project, f"{name}/1500it", 60)
        found = await samples(conn, [name, name, "generate/never"])
        assert list(found) == [name]
        by_id = {row["id"]: row for row in found[name]}
        assert set(by_id) == {first, plain}
        assert by_id[first]["seconds"] == pytest.approx(10) and by_id[first]["peak_memory_mb"] == 812.5
        assert by_id[plain]["size"] == 9 and by_id[plain]["peak_memory_mb"] is None

    async def test_runs_of_before_there_were_names_are_compared_with_nothing(
        self, conn: Connection, project: UUID
    ) -> None:
        await done(conn, project, "", 10)
        assert await samples(conn, [""]) == {}

    async def test_the_last_hundred_count(self, conn: Connection, project: UUID) -> None:
        name = f"generate/{uuid4()}"
        for number in range(103):
            await done(conn, project, name, number)
        seconds = [round(row["seconds"]) for row in (await samples(conn, [name]))[name]]
        assert seconds == list(range(102, 2, -1))

    async def test_bytes_are_those_of_the_samples_scaled_alike(self, conn: Connection, project: UUID) -> None:
        name = f"generate/{uuid4()}"
        for size, stored in [(8.0, (100, 50)), (8.0, (250,)), (4.0, (400,))]:
            run = await done(conn, project, name, 10, size=size)
            for number, count in enumerate(stored):
                await insert(
                    conn,
                    "artifacts",
                    {
                        "project_id": project,
                        "run_id": run,
                        "kind": "view",
                        "bucket": "multiview-images",
                        "path": f"{project}/{run}/{number}.jpg",
                        "sha256": "0" * 64,
                        "bytes": count,
                        "mime": "image/jpeg",
                    },
                )
        expected = expect((await samples(conn, [name]))[name], 8)
        # 150, 250, and 400 of half the size.
        assert await bytes_stored(conn, expected) == 250
        assert await bytes_stored(conn, Expected()) is None
