"""Events written per second, what NOTIFY and the disk take of that, and how watchers over WebSockets keep up.

    python -m bench.events [--writers 1 4 16] [--watchers 1 20 100] [--seconds 3] [--rounds 3]

`append` calls append_event, `beat` is a worker's progress report (maquette.db.runs.beat): a run's row, its project's
row, an event and a notification in one transaction. Every writer has a connection; on one project they wait for its
row's lock, since `seq` has no gaps, on 16 each has its own. Watchers follow one project that is written to at
full speed and then at 20 events a second; the delay is from the start of the writing transaction to the message in
the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from bench.seed import TINY, fill, seed_id
from bench.serving import Served, serving
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from websockets.asyncio.client import connect

from maquette.api.owners import LOCAL_OWNER
from maquette.db import runs
from maquette.db.rows import Connection

PROJECTS = 16
RUN = 90
"""Number of the run that is kept running in every project."""

APPEND: LiteralString = "select public.append_event(%s, %s, 'progress', %s)"
PAYLOAD = json.dumps(
    {"step": "refine", "status": "running", "stage": "training", "progress_percentage": 50, "message": ""}
)


async def write(url: str, kind: str, writers: int, projects: int, seconds: float, pause_s: float = 0.0) -> float:
    """Transactions per second of so many writers."""
    stop_at = 0.0

    async def one(number: int) -> int:
        project, run, count = seed_id("project", number % projects), seed_id("run", number % projects, RUN), 0
        connection: Connection = await AsyncConnection.connect(url, row_factory=dict_row)
        async with connection:
            while time.perf_counter() < stop_at:
                if kind == "append":
                    await connection.execute(APPEND, [project, run, PAYLOAD])
                else:
                    await runs.beat(connection, run, 1, stage="training", percentage=count % 100, message=str(count))
                await connection.commit()
                count += 1
                await asyncio.sleep(pause_s)
        return count

    stop_at = time.perf_counter() + seconds
    return sum(await asyncio.gather(*(one(number) for number in range(writers)))) / seconds


async def watch(url: str, project: str, watchers: int, seconds: float) -> dict[str, float]:
    """Follow from so many sockets and count; runs in a process of its own."""
    delays_ms: list[float] = []
    gaps = 0
    last: list[int] = []

    async def one() -> None:
        nonlocal gaps
        address = url.replace("http", "ws", 1) + f"/api/v1/projects/{project}/events?after={2**31}"
        async with connect(address, max_size=None, open_timeout=60, proxy=None) as socket:
            seq = json.loads(await socket.recv())["seq"]
        address = address.replace(str(2**31), str(seq))
        async with connect(address, max_size=None, open_timeout=60, proxy=None) as socket:
            await socket.recv()
            ready.release()
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        told = json.loads(await socket.recv())
                        gaps += told["seq"] != seq + 1
                        seq = told["seq"]
                        written = datetime.fromisoformat(told["created_at"])
                        delays_ms.append(1e3 * (datetime.now(UTC) - written).total_seconds())
            except TimeoutError:
                last.append(seq)

    ready = asyncio.Semaphore(0)
    following = asyncio.gather(*(one() for _ in range(watchers)))
    for _ in range(watchers):
        await ready.acquire()
    print("ready", flush=True)
    await following
    delays_ms.sort()
    return {
        "events": len(delays_ms),
        "gaps": gaps,
        "behind": max(last) - min(last),
        "p50_ms": delays_ms[len(delays_ms) // 2] if delays_ms else 0,
        "p95_ms": delays_ms[int(0.95 * len(delays_ms))] if delays_ms else 0,
    }


def prepare(admin: psycopg.Connection[Any]) -> None:
    """One running run in each project."""
    fill(admin, range(PROJECTS), TINY, owner=LOCAL_OWNER)
    for number in range(PROJECTS):
        admin.execute(
            "insert into public.runs (id, project_id, step) values (%s, %s, 'refine')",
            [seed_id("run", number, RUN), seed_id("project", number)],
        )
        admin.execute(
            "update public.runs set status = 'running', attempt = 1, started_at = now() where id = %s",
            [seed_id("run", number, RUN)],
        )


@contextmanager
def changed(served: Served, what: str) -> Iterator[None]:
    """The database without its flush at each commit, or without notifications, until the block ends."""
    with served.admin() as admin:
        body = admin.execute("select pg_get_functiondef('public.append_event'::regproc)").fetchone()
        assert body is not None
        if what == "notify":
            quiet = body[0].replace("perform pg_catalog.pg_notify(", "perform pg_catalog.concat(")
            assert quiet != body[0]
            admin.execute(quiet.encode())
        elif what == "flush":
            admin.execute("alter role postgres set synchronous_commit = off")
        try:
            yield
        finally:
            admin.execute(body[0].encode())
            admin.execute("alter role postgres reset synchronous_commit")


def show_writing(served: Served, writers: list[int], seconds: float, rounds: int) -> None:
    """Rounds are interleaved: a slow moment of the machine then touches every way alike."""
    ways = {"as it is": "", "no flush at commit": "flush", "no NOTIFY": "notify"}
    cases = [(n, projects) for n in writers for projects in (1, PROJECTS) if n > 1 or projects == 1]
    print(f"{'events written per second':28}" + "".join(f"{f'{n} on {p}':>12}" for n, p in cases))
    for kind in ("append", "beat"):
        found: defaultdict[tuple[str, int, int], list[float]] = defaultdict(list)
        for _ in range(rounds):
            for way, what in ways.items():
                with changed(served, what):
                    for n, projects in cases:
                        rate = asyncio.run(write(served.connections.database_url, kind, n, projects, seconds))
                        found[way, n, projects].append(rate)
        for way in ways:
            rates = [statistics.median(found[way, n, projects]) for n, projects in cases]
            print(f"{f'{kind}, {way}':28}" + "".join(f"{rate:12.0f}" for rate in rates), flush=True)


def show_watching(served: Served, watchers: list[int], seconds: float) -> None:
    heads = f"{'written/s':>12}{'received/s':>12}{'gaps':>6}{'behind':>8}{'p50 ms':>9}{'p95 ms':>9}"
    print(f"\n{'watchers of one project':28}{heads}")
    for pause_s in (0.0, 0.05):
        for number in watchers:
            client = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bench.events", "watch", served.url),
                    *(str(seed_id("project", 0)), str(number), str(seconds + 2)),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert client.stdout is not None
            assert client.stdout.readline().strip() == "ready"
            rate = asyncio.run(write(served.connections.database_url, "beat", 1, 1, seconds, pause_s))
            told = json.loads(client.communicate()[0])
            name = f"{number}, {'20 events a second' if pause_s else 'full speed'}"
            print(
                f"{name:28}{rate:12.0f}{told['events'] / seconds:12.0f}{told['gaps']:6.0f}{told['behind']:8.0f}"
                f"{told['p50_ms']:9.1f}{told['p95_ms']:9.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--watchers", type=int, nargs="+", default=[1, 20, 100])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f}")
    with serving() as served:
        with served.admin() as admin:
            prepare(admin)
        show_writing(served, chosen.writers, chosen.seconds, chosen.rounds)
        show_watching(served, chosen.watchers, chosen.seconds)
    print(f"load {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["watch"]:
        print(json.dumps(asyncio.run(watch(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))))
    else:
        main()
