"""Many clients on one API at the same time: how long do they wait, what fails, how much memory does it take?

    python -m bench.load [--clients 50] [--minutes 5] [--pause 1] [--projects 20] [--uploads 0.02]

Starts a whole `maquette serve` without workers on a home of its own, with projects of 64 photos, 20 versions and 500
events each (bench.seed.FULL). Each client is a connection that stays open: it calls, reads the whole answer, pauses
for a random time (exponential, so long on average; 0: none, which measures how much can be had at most) and calls
again. What it asks for is chosen at random by `SHARES`; one call in 50 is an upload of three photos of 640 x 480 px
into a new project, which the server decodes, judges, stores and records before it answers. Clients run in a process of
their own on the same machine, so their work is part of the load. Prints a table; exit code 1 where a call failed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import numpy as np
import psutil
from bench.seed import FULL, fill, seed_id
from bench.serving import Served, serving
from PIL import Image

from maquette.api.owners import LOCAL_OWNER

SHARES = {
    "/projects": 3,
    "/projects/{project}": 2,
    "/status/{project}": 3,
    "/projects/{project}/runs": 2,
    "/projects/{project}/events?after=450": 4,
    "/projects/{project}/models": 3,
    "/projects/{project}/images": 1,
    "/queue": 1,
    "/health": 1,
}
"""Reads as a page that follows a project makes them, by how often."""
PHOTOS = 3
SAMPLE_S = 1.0


@dataclass
class Tally:
    """What the clients saw."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: Counter[str] = field(default_factory=Counter)


def photo(number: int) -> bytes:
    """A JPEG of 640 x 480 px that is sharp, well exposed and like no other."""
    cells = np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(cells).resize((640, 480), Image.Resampling.BICUBIC).save(out, "JPEG", quality=88)
    return out.getvalue()


async def use(client: httpx.AsyncClient, tally: Tally, until: float, options: argparse.Namespace) -> None:
    """One client: call after call until the time is over."""
    choice = random.Random()
    await asyncio.sleep(choice.random() * options.pause)
    while time.perf_counter() < until:
        upload = choice.random() < options.uploads
        kind = "POST /upload" if upload else choice.choices(list(SHARES), list(SHARES.values()))[0]
        files = [("files", (f"{n}.jpg", photo(choice.getrandbits(60)), "image/jpeg")) for n in range(PHOTOS * upload)]
        path = kind.format(project=seed_id("project", choice.randrange(options.projects)))
        began = time.perf_counter()
        try:
            answer = await (client.post("/upload", files=files) if upload else client.get(path))
            told = None if answer.is_success else str(answer.status_code)
        except httpx.HTTPError as error:
            told = type(error).__name__
        tally.seconds[kind].append(time.perf_counter() - began)
        if told:
            tally.failed[f"{kind} {told}"] += 1
        if options.pause:
            await asyncio.sleep(choice.expovariate(1 / options.pause))


async def use_all(url: str, options: argparse.Namespace) -> Tally:
    """All clients, in their own process."""
    tally = Tally()
    until = time.perf_counter() + options.minutes * 60
    async with asyncio.TaskGroup() as group:
        for _ in range(options.clients):
            group.create_task(_connected(url, tally, until, options))
    return tally


async def _connected(url: str, tally: Tally, until: float, options: argparse.Namespace) -> None:
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client:
        await use(client, tally, until, options)


class Memory(threading.Thread):
    """Resident memory of the API process, in MB, looked at once a second; ``together`` counts what it started too."""

    def __init__(self, served: Served) -> None:
        super().__init__(daemon=True)
        self.api = next(
            child
            for child in psutil.Process(served.process.pid).children()
            if "maquette.cli.children" in child.cmdline() and "api" in child.cmdline()
        )
        self.alone: list[float] = []
        self.together: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(SAMPLE_S):
            self.look()

    def cpu_s(self) -> float:
        """Processor seconds of it and of those that it started and that have ended."""
        times = self.api.cpu_times()
        return sum(times[:4])

    def look(self) -> None:
        """One sample; those that end meanwhile are left out."""
        sizes = []
        for process in (self.api, *self.api.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                sizes.append(process.memory_info().rss / 1e6)
        self.alone.append(sizes[0])
        self.together.append(sum(sizes))


def show(tally: Tally, seconds: float) -> None:
    """The table of calls."""
    everything = [one for times in tally.seconds.values() for one in times]
    reads = [one for kind, times in tally.seconds.items() if not kind.startswith("POST") for one in times]
    rows = {**dict(sorted(tally.seconds.items())), "all reads": reads, "everything": everything}
    print("| call | calls | a second | median ms | p95 ms | p99 ms | longest ms |\n|---|---|---|---|---|---|---|")
    for kind, times in rows.items():
        if times:
            figures = [1e3 * float(figure) for figure in (*np.percentile(times, [50, 95, 99]), max(times))]
            print(
                f"| {kind} | {len(times)} | {len(times) / seconds:.1f} | "
                + " | ".join(f"{one:.0f}" for one in figures)
                + " |"
            )
    print(f"failed: {dict(tally.failed) or 'none'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--pause", type=float, default=1, help="seconds between an answer and the next call")
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--uploads", type=float, default=0.02, help="share of the calls")
    parser.add_argument("--at", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.at:
        tally = asyncio.run(use_all(options.at, options))
        print(json.dumps({"seconds": tally.seconds, "failed": tally.failed}))
        return 0
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, {options}", flush=True)
    with serving() as served:
        with served.admin() as admin:
            fill(admin, range(options.projects), FULL, owner=LOCAL_OWNER)
        memory = Memory(served)
        memory.look()
        memory.start()
        before, began = {**served.cpu_s(), "api": memory.cpu_s()}, time.perf_counter()
        clients = subprocess.run(
            [sys.executable, "-m", "bench.load", *sys.argv[1:], "--at", served.url], check=True, stdout=subprocess.PIPE
        )
        seconds, after = time.perf_counter() - began, {**served.cpu_s(), "api": memory.cpu_s()}
        memory.over.set()
        memory.join()
        time.sleep(10)
        memory.look()
        told = json.loads(clients.stdout)
        show(Tally(defaultdict(list, told["seconds"]), Counter(told["failed"])), seconds)
        print(
            f"API, MB: {memory.alone[0]:.0f} at the start, {max(memory.alone):.0f} at most, {memory.alone[-1]:.0f} ten"
            f" seconds after; with the processes that decode at most {max(memory.together):.0f}"
        )
        with served.admin() as admin:
            held = admin.execute("select count(*) from pg_stat_activity where backend_type = 'client backend'")
            print(f"connections to the database: {(held.fetchone() or [0])[0] - 1}")
        print(", ".join(f"{who}: {(after[who] - before[who]) / seconds:.2f} cores" for who in after))
    print(f"load {os.getloadavg()[0]:.2f}")
    return 1 if told["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
