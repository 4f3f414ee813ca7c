"""How long a run waits that need not wait: from its row to its start, and from one run's end to the next one's start.

    python -m bench.queue [--runs 40] [--waiting 1000]

A whole `maquette serve` with one worker that takes one run at a time. Runs are exports of a tiny model, called over
HTTP; times are the database's own (queued_at, started_at, finished_at). Measured: with nothing else in line; with so
many runs in line that the worker may not take (they wait for a GPU that does not come); with so many before it in
line; and how long a cancel takes to end training. Prints medians and 95th percentiles, judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
from bench.serving import Served, serving

from maquette.db import projects, runs
from maquette.db.connection import open_pool
from maquette.embedded.compat import LOCAL_OWNER
from maquette.queue.jobs import enqueue
from maquette.recon.synthetic import make_capture

TINY = {"preset": "fastest", "iterations": 30, "long_side": 96, "max_gaussians": 300}
LONG = {"num_iterations": 10, "steps_per_iteration": 20_000}
PROJECTS = 50


def prepare(client: httpx.Client) -> str:
    """A project with a tiny model."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_capture(Path(folder), views=6, width=240, height=180).paths
        files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
    project_id = str(client.post("/upload", files=files).raise_for_status().json()["project_id"])
    client.post(f"/generate/{project_id}", json=TINY, params={"wait": 300}).raise_for_status()
    return project_id


def one_by_one(client: httpx.Client, conn: psycopg.Connection[Any], project_id: str, count: int) -> list[float]:
    """Seconds from a run's row to its start, each called a moment after the one before has ended."""
    waits = []
    for _ in range(count):
        time.sleep(random.random())
        call = client.post(f"/export/{project_id}", params={"fresh": True, "wait": 30}, json={"format": "splat"})
        run_id = call.raise_for_status().json()["run_id"]
        row = conn.execute(
            "select extract(epoch from started_at - queued_at) from public.runs where id = %s", [run_id]
        ).fetchone()
        waits.append(float(row[0]) if row else float("nan"))
    return waits


async def fill(served: Served, count: int, step: str) -> None:
    """Put so many runs in line, over :data:`PROJECTS` projects of the local owner."""
    async with open_pool(served.connections.database_url) as pool:
        async with pool.connection() as conn:
            owners = [await projects.create(conn, UUID(LOCAL_OWNER), f"Filler {n}") for n in range(PROJECTS)]
        for number in range(count):
            async with pool.connection() as conn:
                project = owners[number % PROJECTS]
                await enqueue(conn, await runs.create(conn, project["id"], step, parameters={"version": 0}))


def empty(conn: psycopg.Connection[Any]) -> None:
    """Take everything out of line again."""
    conn.execute("delete from public.projects where name like 'Filler %'")
    conn.execute("set search_path = jobs, public")
    conn.execute("delete from jobs.procrastinate_jobs where task_name = 'run_step' and status = 'todo'")
    conn.execute("reset search_path")


def gaps(conn: psycopg.Connection[Any], count: int) -> list[float]:
    """Seconds from the end of one run to the start of the next, over so many that ended while others waited."""
    while True:
        rows = conn.execute(
            "select started_at, finished_at from public.runs r join public.projects p on p.id = r.project_id"
            " where p.name like 'Filler %' and finished_at is not null order by started_at"
        ).fetchall()
        if len(rows) > count:
            break
        time.sleep(0.5)
    return [(after[0] - before[1]).total_seconds() for before, after in pairwise(rows)]


def cancels(client: httpx.Client, conn: psycopg.Connection[Any], project_id: str, count: int) -> list[float]:
    """Seconds from the confirmed cancel of a refine that trains to the end of the run."""
    took = []
    for _ in range(count):
        run_id = client.post(f"/refine/{project_id}", params={"fresh": True}, json=LONG).json()["run_id"]
        while client.get(f"/runs/{run_id}").json()["stage"] != "rounds":
            time.sleep(0.2)
        time.sleep(2 + random.random())
        client.post(f"/runs/{run_id}/cancel", json={"confirm": True}).raise_for_status()
        row = None
        while row is None:
            row = conn.execute(
                "select extract(epoch from finished_at - cancel_requested_at) from public.runs"
                " where id = %s and status = 'cancelled'",
                [run_id],
            ).fetchone()
            time.sleep(0.05)
        took.append(float(row[0]))
    return took


def tell(what: str, values: list[float]) -> None:
    """One line of the table."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(f"| {what} | {len(values)} | {statistics.median(values) * 1e3:.0f} | {p95 * 1e3:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--waiting", type=int, default=1000)
    told = parser.parse_args()
    os.environ["MAQUETTE_MAX_RUNS_PER_OWNER"] = str(told.waiting + 100)
    with (
        serving(workers=1) as served,
        served.admin() as conn,
        httpx.Client(base_url=f"{served.url}/api/v1", timeout=600, trust_env=False) as client,
    ):
        project_id = prepare(client)
        print(f"load {os.getloadavg()[0]:.1f}\n\n| from | runs | p50 ms | p95 ms |\n|---|---|---|---|", flush=True)
        tell("row to start, nothing in line", one_by_one(client, conn, project_id, told.runs))
        conn.execute(
            "insert into public.workers (id, host, process_id, queues, concurrency, code_version, heartbeat_at)"
            " values (%s, 'never there', 1, '{gpu}', 1, '', now() + interval '1 day')",
            [uuid4()],
        )
        asyncio.run(fill(served, told.waiting, "generate"))
        tell(f"row to start, {told.waiting} wait for a GPU", one_by_one(client, conn, project_id, told.runs))
        empty(conn)
        conn.execute("delete from public.workers where host = 'never there'")
        asyncio.run(fill(served, told.waiting, "export"))
        tell(f"one's end to the next one's start, {told.waiting} in line", gaps(conn, told.runs))
        empty(conn)
        tell("confirmed cancel to the end of training", cancels(client, conn, project_id, max(told.runs // 4, 5)))
        print(f"\nload {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
