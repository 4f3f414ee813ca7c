"""How the embedded Realtime service carries many sockets: ``python bench/realtime.py [--seconds 20]``.

The stack and the service run in one process as under ``maquette serve``; the sockets are raw WebSockets in a second
process, the updates come from a third. Latency is from the return of the commit's statement to the receipt in the
client. Nothing may be lost: the table's last column counts what was expected and did not come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import jwt
import psycopg
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from maquette.db.connection import open_pool
from maquette.db.listener import Listener
from maquette.embedded.realtime.app import serve_realtime
from maquette.embedded.stack import run_stack
from maquette.settings import Connections, Settings


@dataclass(frozen=True)
class Scene:
    """``users`` own ``projects`` between them; socket n follows project n modulo projects, as its owner."""

    name: str
    users: int
    projects: int
    sockets: int = 200
    updates_per_s: int = 20
    """Of one project, or of all in turn where there are several."""

    turn: bool = False
    unfiltered: bool = False


SCENES = [
    Scene("one user, one project, filter on it", 1, 1),
    Scene("one user, one project, no filter", 1, 1, unfiltered=True),
    Scene("200 projects' filters, one updated", 1, 200),
    Scene("200 projects' filters, updated in turn", 1, 200, turn=True),
    Scene("20 users, no filter, one project updated", 20, 20, unfiltered=True),
    Scene("20 users, own filters, updated in turn", 20, 20, turn=True),
    Scene("20 users, no filter, updated in turn", 20, 20, turn=True, unfiltered=True),
]


def make_rows(connections: Connections, scene: Scene) -> tuple[list[str], list[str]]:
    """The projects' ids and, for each, its owner's token."""
    with psycopg.connect(connections.database_url) as db:
        users = [str(uuid.uuid4()) for _ in range(scene.users)]
        for user in users:
            db.execute("insert into auth.users (id) values (%s)", [user])
        owners = [users[n % scene.users] for n in range(scene.projects)]
        query = "insert into projects (owner_id) values (%s) returning id"
        projects = [str(db.execute(query, [owner]).fetchone()[0]) for owner in owners]  # type: ignore[index]
    claims = {"role": "authenticated", "exp": int(time.time()) + 3600}
    tokens = [jwt.encode({**claims, "sub": owner}, connections.jwt_secret or "", "HS256") for owner in owners]
    return projects, tokens


def write(pipe: Pipe, database_url: str, projects: list[str], scene: Scene, seconds: float) -> None:
    """Update at a steady pace; sends the time of each commit by its number."""
    commits = []
    with psycopg.connect(database_url, autocommit=True) as db:
        pipe.recv()
        began = time.perf_counter()
        for number in range(int(seconds * scene.updates_per_s)):
            time.sleep(max(0.0, began + number / scene.updates_per_s - time.perf_counter()))
            project = projects[number % len(projects)] if scene.turn else projects[0]
            db.execute("update projects set progress_percentage = %s where id = %s", [(number + 1) / 100, project])
            commits.append((number + 1, project, time.time()))
    pipe.send(commits)


def read(pipe: Pipe, url: str, projects: list[str], tokens: list[str], scene: Scene) -> None:
    """Hold the sockets; sends what each received: project, number, time."""
    pipe.send(asyncio.run(_read(pipe, url, projects, tokens, scene)))


async def _read(pipe: Pipe, url: str, projects: list[str], tokens: list[str], scene: Scene) -> list[list[Any]]:
    received: list[list[Any]] = [[] for _ in range(scene.sockets)]
    ready, done = asyncio.Semaphore(0), asyncio.Event()

    async def follow(socket_number: int) -> None:
        place = socket_number % scene.projects
        params = {"event": "UPDATE", "schema": "public", "table": "projects"}
        if not scene.unfiltered:
            params["filter"] = f"id=eq.{projects[place]}"
        payload = {"config": {"postgres_changes": [params]}, "access_token": tokens[place]}
        async with connect(url, proxy=None, compression=None, ping_interval=None) as socket:
            await socket.send(json.dumps(["1", "1", f"realtime:{socket_number}", "phx_join", payload]))
            assert '"ok"' in str(await socket.recv()) and '"ok"' in str(await socket.recv())
            ready.release()
            reading = asyncio.create_task(take(socket, received[socket_number]))
            await done.wait()
            reading.cancel()

    async def take(socket: Any, into: list[Any]) -> None:
        async for text in socket:
            into.append((time.time(), text))

    tasks = [asyncio.create_task(follow(n)) for n in range(scene.sockets)]
    for _ in tasks:
        await ready.acquire()
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    done.set()
    await asyncio.gather(*tasks)
    return [[(*_row(text), at) for at, text in one] for one in received]


def _row(text: str) -> tuple[str, int]:
    record = json.loads(text)[4]["data"]["record"]
    return record["id"], round(record["progress_percentage"] * 100)


def memory_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(connections: Connections, scene: Scene, seconds: float) -> list[str]:
    """One line of the table."""
    projects, tokens = make_rows(connections, scene)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        listener = Listener(connections.database_url)
        async with (
            open_pool(connections.database_url, max_size=4, application_name="maquette-realtime") as pool,
            serve_realtime(app, connections, pool, listener),
            listener.running(),
        ):
            yield

    config = uvicorn.Config(
        Starlette(lifespan=lifespan), port=0, log_level="warning", ws_per_message_deflate=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/realtime/v1/websocket?apikey={connections.publishable_key}&vsn=2.0.0"
    context = multiprocessing.get_context("spawn")
    reader_pipe, reader_end = context.Pipe()
    writer_pipe, writer_end = context.Pipe()
    reader = context.Process(target=read, args=(reader_end, url, projects, tokens, scene))
    writer = context.Process(target=write, args=(writer_end, connections.database_url, projects, scene, seconds))
    reader.start()
    writer.start()
    reader_end.close()  # so that a child that fails is noticed
    writer_end.close()
    await asyncio.to_thread(reader_pipe.recv)
    memory_before, cpu_before = memory_mb(), time.process_time()
    writer_pipe.send("go")
    commits = await asyncio.to_thread(writer_pipe.recv)
    await asyncio.sleep(1.0)
    cpu_s, memory_after = time.process_time() - cpu_before, memory_mb()
    reader_pipe.send("stop")
    received = await asyncio.to_thread(reader_pipe.recv)
    await asyncio.to_thread(reader.join)
    await asyncio.to_thread(writer.join)
    server.should_exit = True
    await serving

    owner_of = {project: n % scene.users for n, project in enumerate(projects)}
    committed_at = {(project, number): at for number, project, at in commits}
    latencies, lost, expected = [], 0, 0
    for n, got in enumerate(received):
        mine = n % scene.projects
        due = [
            (project, number)
            for number, project, _ in commits
            if project == projects[mine] or (scene.unfiltered and owner_of[project] == owner_of[projects[mine]])
        ]
        expected += len(due)
        # A message may show a newer state of its row than its own change; the number of messages must be right.
        lost += abs(len(due) - len(got))
        latencies += [at - committed_at[project, number] for project, number, at in got]
    centiles = statistics.quantiles(latencies, n=100)
    return [
        scene.name,
        f"{sum(map(len, received))}/{expected}",
        f"{centiles[49] * 1e3:.1f}",
        f"{centiles[94] * 1e3:.1f}",
        f"{max(latencies) * 1e3:.0f}",
        f"{cpu_s:.1f}",
        f"{memory_before:.0f} {memory_after - memory_before:+.0f}",
        str(lost),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", type=int, help="the number of one scene, from 0")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="maquette-bench-realtime-"))
    home.chmod(0o755)
    print(f"{options.seconds:.0f} s each, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    print("| 200 sockets, 20 updates/s | messages | p50 ms | p95 ms | max ms | server CPU s | RSS MB | lost |")
    print("|---|---|---|---|---|---|---|---|")
    try:
        with run_stack(Settings(home=home, port=1)) as stack:
            for scene in SCENES if options.only is None else [SCENES[options.only]]:
                line = asyncio.run(measure(stack.connections, scene, options.seconds))
                print(f"| {' | '.join(line)} |", flush=True)
    finally:
        shutil.rmtree(home)
    print(f"load after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
