"""What workers cost the database that have nothing to do: connections, statements, processor time of Postgres.

    python -m bench.workers [--idle 0 1 10 100] [--seconds 30]

An embedded Postgres of its own that takes 1000 connections, and nothing else on it: no API, no run in line. The
workers are those of `maquette worker`, up to 25 of them in one process, for what they ask is the same and memory is
spared; the memory and processor time of one by itself are told too. After all are registered and have settled, one
window is counted in Postgres's own log (bench.stack). Prints a table, judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil
from bench.stack import Counted, counted_stack

from maquette.settings import Connections, Settings
from maquette.worker.loop import run_worker

TOGETHER = 25
SETTLE_S = 15.0
"""Longer than the sweep's ten seconds: pools have shrunk to what they keep, or soon will."""


async def work(connections: Connections, home: Path, count: int) -> None:
    """So many workers in this process, until it is told to end."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(run_worker(Settings(home=home / str(number), database_url=None), connections))
            await asyncio.sleep(0.1)


@contextmanager
def idle(counted: Counted, count: int) -> Iterator[list[psutil.Process]]:
    """So many workers that have registered; the processes that they live in."""
    processes = []
    with tempfile.TemporaryDirectory() as home:
        for first in range(0, count, TOGETHER):
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.workers", "--loops", str(min(TOGETHER, count - first))],
                stdin=subprocess.PIPE,
                text=True,
            )
            processes.append(process)
            assert process.stdin is not None
            with process.stdin as pipe:
                pipe.write(json.dumps({"connections": asdict(counted.connections), "home": f"{home}/{first}"}) + "\n")
        try:
            while (counted.admin.execute("select count(*) from public.workers").fetchone() or [0])[0] < count:
                if any(process.poll() is not None for process in processes):
                    raise RuntimeError("a process of workers ended")
                time.sleep(0.2)
            yield [psutil.Process(process.pid) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
            counted.admin.execute("truncate public.workers")
            counted.admin.execute("delete from jobs.procrastinate_jobs")
            counted.admin.execute("delete from jobs.procrastinate_workers")


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, nargs="+", default=[0, 1, 10, 100])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--loops", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loops:
        told = json.loads(sys.stdin.readline())
        asyncio.run(work(Connections(**told["connections"]), Path(told["home"]), options.loops))
        return
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    columns = (
        "workers",
        "connections",
        "statements/s",
        "transactions/s",
        "Postgres cores",
        "workers' cores",
        "their MB",
    )
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)
    with counted_stack() as counted:
        for count in options.idle:
            with idle(counted, count) as processes:
                time.sleep(SETTLE_S)
                used = cpu_s(processes)
                with counted.counting() as windows:
                    held = counted.most_held(options.seconds)
                used = cpu_s(processes) - used
                [window] = windows
                figures = (
                    f"{count}",
                    f"{held.total()} {_by_name(held)}",
                    f"{window.statements.total() / window.seconds:.1f} {_by_name(window.statements)}",
                    f"{window.transactions / window.seconds:.1f}",
                    f"{window.cores:.2f}",
                    f"{used / window.seconds:.2f}",
                    f"{sum(process.memory_info().rss for process in processes) / 1e6:.0f}",
                )
                print("| " + " | ".join(figures) + " |", flush=True)
    print(f"load {os.getloadavg()[0]:.2f}")


def _by_name(counts: Counter[str]) -> str:
    return f"({', '.join(f'{name} {count}' for name, count in sorted(counts.items()))})" if counts else ""


if __name__ == "__main__":
    main()
