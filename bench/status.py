"""Reads per second and latency of what a page asks for, over HTTP from `maquette serve`; prints, judges nothing.

    python -m bench.status [--projects 1 10 100] [--concurrency 1 8 32] [--seconds 4] [--rounds 3]

Every project has 64 photos, views and depth maps and 20 versions (bench.seed.FULL); each request picks one at random.
The requests come from another process, so many at a time over connections that stay open, written to the socket by
hand because a whole HTTP client costs more than the answer. Rounds are interleaved and
the median of each figure is printed: a slow moment of the machine then touches all of them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from urllib.parse import urlsplit

from bench.seed import FULL, fill, seed_id
from bench.serving import Served, serving

from maquette.api.owners import LOCAL_OWNER

WARM = 8
"""Requests on each connection before the clock runs: pools have grown and statements are prepared."""

READS = {
    "status": "/status/{}",
    "projects": "/projects",
    "models": "/projects/{}/models",
    "metrics": "/projects/{}/metrics",
    "views": "/projects/{}/views",
    "images": "/projects/{}/images",
    "events": "/projects/{}/events?after=450",
}


async def ask(url: str, path: str, projects: int, concurrency: int, seconds: float) -> dict[str, float]:
    """Ask from ``concurrency`` tasks for so long; runs in the client's process."""
    times: list[float] = []
    host, port = str(urlsplit(url).hostname), urlsplit(url).port
    lines = [await asyncio.open_connection(host, port) for _ in range(concurrency)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = path.format(seed_id("project", random.randrange(projects)))
        began = time.perf_counter()
        writer.write(f"GET /api/v1{address} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        times.append(time.perf_counter() - began)
        if b" 200 " not in head[:20]:
            raise RuntimeError(f"{address} answered {head[:20]!r}")

    async def keep_asking(line: tuple[asyncio.StreamReader, asyncio.StreamWriter], until: float) -> None:
        while time.perf_counter() < until:
            await one(*line)

    for _ in range(WARM):
        await asyncio.gather(*(one(*line) for line in lines))
    times.clear()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(keep_asking(line, began + seconds) for line in lines))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    for _, writer in lines:
        writer.close()
    times.sort()
    return {
        "requests": len(times),
        "per_second": len(times) / wall,
        "p50_ms": 1e3 * times[len(times) // 2],
        "p95_ms": 1e3 * times[int(0.95 * len(times))],
        "client_ms": 1e3 * cpu / len(times),
    }


def measure(served: Served, name: str, projects: int, concurrency: int, seconds: float) -> dict[str, float]:
    before = served.cpu_s()
    arguments = [served.url, READS[name], str(projects), str(concurrency), str(seconds)]
    client = subprocess.run(
        [sys.executable, "-m", "bench.status", "client", *arguments], check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(client.stdout)
    after = served.cpu_s()
    answered = figures["requests"] + WARM * concurrency
    return {**figures, **{f"{who}_ms": 1e3 * (after[who] - before[who]) / answered for who in before}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--reads", nargs="+", choices=list(READS), default=list(READS))
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    columns = ("per_second", "p50_ms", "p95_ms", "api_ms", "postgres_ms", "client_ms")
    print(f"load {os.getloadavg()[0]:.2f}; api, postgres, client: processor ms a request")
    print(f"{'read':10}{'projects':>9}{'at once':>9}" + "".join(f"{column:>13}" for column in columns), flush=True)
    with serving() as served:
        filled = 0
        for projects in sorted(chosen.projects):
            with served.admin() as admin:
                fill(admin, range(filled, projects), FULL, owner=LOCAL_OWNER)
            time.sleep(1)  # the processor time of that connection goes with it
            filled = projects
            found: defaultdict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
            for _ in range(chosen.rounds):
                for name in chosen.reads:
                    for concurrency in chosen.concurrency:
                        found[name, concurrency].append(measure(served, name, projects, concurrency, chosen.seconds))
            for (name, concurrency), rounds in found.items():
                medians = [statistics.median(figures[column] for figures in rounds) for column in columns]
                print(
                    f"{name:10}{projects:9}{concurrency:9}" + "".join(f"{median:13.2f}" for median in medians),
                    flush=True,
                )
    print(f"load {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        url, path, projects, concurrency, seconds = sys.argv[2:]
        print(json.dumps(asyncio.run(ask(url, path, int(projects), int(concurrency), float(seconds)))))
    else:
        main()
