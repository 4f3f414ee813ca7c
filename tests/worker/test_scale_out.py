"""Scaled out: two API servers behind one address and three workers of different kinds on one database and storage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.embedded.realtime_line import line, token_for
from tests.execution.house import House
from tests.serving import Server
from tests.worker.helper import WorkerProcess, start_worker
from tests.worker.replicas import KEY, one_address, replicas
from websockets.asyncio.client import connect

from maquette.db import projects
from maquette.db.rows import Row
from maquette.embedded.compat import LOCAL_OWNER
from maquette.settings import Connections

QUEUES = {"training": ("gpu",), "both": ("gpu", "cpu"), "plain": ("cpu",)}
HEADERS = {"X-API-Key": KEY}
REFINE = {"from_version": 0, "num_iterations": 1, "steps_per_iteration": 60, "convergence_threshold": 0}


@pytest.fixture
def servers(storage: Connections, homes: Callable[[], Path]) -> Iterator[list[Server]]:
    with replicas(storage, [homes(), homes()]) as running:
        yield running


@pytest.fixture
async def workers(house: House, storage: Connections, tmp_path: Path) -> AsyncIterator[dict[str, WorkerProcess]]:
    """Three, of which two serve ``gpu``; all have said so."""
    await house.end_everything()
    started = {name: start_worker(storage, tmp_path / name, queues=queues) for name, queues in QUEUES.items()}
    try:
        async with asyncio.timeout(60):
            while len(await house.rows("select id from public.workers")) < len(started):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield started
    finally:
        for worker in started.values():
            worker.kill()
        # For half a minute others would take them for alive, and wait for them.
        await house.rows("delete from public.workers returning id")


@pytest.fixture
async def modelled(house: House, folder: Path) -> list[str]:
    """Three projects with a version each."""
    made = []
    for name in ("One", "Two", "Three"):
        async with house.pool.connection() as conn:
            house.project = await projects.create(conn, UUID(LOCAL_OWNER), name)
        await house.with_version(folder)
        made.append(str(house.project["id"]))
    return made


@contextlib.asynccontextmanager
async def watched(place: str, project: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The events of a project as they come, after ``init``."""
    seen: list[dict[str, Any]] = []
    url = f"ws://{place}/api/v1/projects/{project}/events"
    async with connect(url, additional_headers=HEADERS, proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "init"

        async def read() -> None:
            async for message in socket:
                seen.append(json.loads(message))

        reading = asyncio.create_task(read())
        try:
            yield seen
        finally:
            reading.cancel()


def taken_by(workers: dict[str, WorkerProcess], run_id: str) -> list[str]:
    """Whose attempts of a run there were, by number."""
    found = {
        int(attempt): name
        for name, worker in workers.items()
        for attempt in re.findall(rf"run {run_id}: \w+, attempt (\d+)", worker.log)
    }
    return [found[attempt] for attempt in sorted(found)]


async def begun(house: House, run_id: str, stage: str) -> Row:
    async with asyncio.timeout(60):
        while (run := await house.run(UUID(run_id)))["stage"] != stage:
            assert run["status"] in ("queued", "running"), run["error"]
            await asyncio.sleep(0.02)
    return run


async def test_work_and_news_do_not_depend_on_who_answers(
    house: House,
    storage: Connections,
    modelled: list[str],
    workers: dict[str, WorkerProcess],
    servers: list[Server],
) -> None:
    one, two, three = modelled
    async with contextlib.AsyncExitStack() as stack:
        place, got = await stack.enter_async_context(one_address([server.port for server in servers]))
        # Each call is a connection of its own, so each goes to the server after the last one's.
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://{place}/api/v1",
                headers=HEADERS,
                limits=httpx.Limits(max_keepalive_connections=0),
                timeout=60,
                trust_env=False,
            )
        )
        pages = [await stack.enter_async_context(watched(place, one)) for _ in servers]
        realtime = await stack.enter_async_context(line(storage, storage.publishable_key))
        follow = {"event": "UPDATE", "schema": "public", "table": "runs", "filter": f"project_id=eq.{one}"}
        await realtime.follow(follow, token=token_for(storage, LOCAL_OWNER))
        before = dict(got)

        # One call repeated, as after an answer that was lost: the other server knows it.
        answers = [
            (await http.post(f"/refine/{one}", json=REFINE, headers={"Idempotency-Key": one})).json() for _ in servers
        ]
        lost, other = answers[0]["run_id"], (await http.post(f"/refine/{two}", json=REFINE)).json()["run_id"]
        assert answers[1]["run_id"] == lost and answers[1]["reused_because"] == "idempotency_key"
        for run_id in (lost, other):
            assert (await begun(house, run_id, "rounds"))["queue"] == "gpu"
        [victim], [survivor] = taken_by(workers, lost), taken_by(workers, other)
        assert {victim, survivor} == {"training", "both"}, "each of those that train has one, and nobody else"
        workers[victim].kill()

        # The answer to a call at either server waits for what a machine does that neither knows.
        calls = [(f"/export/{three}", {"format": "ply"}), (f"/refine/{two}", REFINE), (f"/refine/{one}", REFINE)]
        ended = [(await http.post(path, json=body, params={"wait": 60})).json() for path, body in calls]
        assert [answer["run_id"] for answer in ended[1:]] == [other, lost]
        for answer in ended:
            run = (await http.get(f"/runs/{answer['run_id']}")).json()
            assert run["status"] == "completed", run["error"]
        assert taken_by(workers, lost) == [victim, survivor], "who has no GPU left it alone"
        [exporter] = taken_by(workers, ended[0]["run_id"])
        assert exporter in ("plain", survivor) and "cpu" in QUEUES[exporter], "who serves no cpu left it alone"

        told = [(await http.get(f"/projects/{one}/events")).json()["items"] for _ in servers]
        assert told[0] == told[1] and [event["seq"] for event in told[0]] == list(range(1, len(told[0]) + 1))
        async with asyncio.timeout(20):
            while any(len(page) < len(told[0]) for page in pages):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        # Sockets write times in another of ISO 8601's ways.
        assert (
            pages[0]
            == pages[1]
            == [{**event, "created_at": page["created_at"]} for event, page in zip(told[0], pages[0], strict=True)]
        )
        async with asyncio.timeout(20):
            while True:
                record = (await realtime.receive_event("postgres_changes"))["data"]["record"]
                if record["status"] == "completed":
                    break
        assert (record["id"], record["attempt"]) == (lost, 2)
        assert all(got[server.port] > before[server.port] + 3 for server in servers), "both had their part"
