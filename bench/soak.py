"""A server under steady small work for a while: do memory, open files and connections stay as they are?

    python -m bench.soak [--minutes 10] [--projects 8] [--workers 2] [--every 10]

Starts a whole `maquette serve` on a home of its own. Each project is used by a client of its own, over and over:
upload six synthetic photos, generate, refine, export, delete. Prints a sample of each process every few seconds and,
of those in the second half, the slope by least squares with its standard error. Exit code 1 where something
grows for sure (slope above twice its error) and would matter (see `TOLERATED`), or where a step failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import psycopg
from bench.serving import Served, serving

from maquette.recon.synthetic import make_capture

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("generate", {"preset": "fastest", "iterations": 60, "long_side": 96, "max_gaussians": 400}),
    ("refine", {"num_iterations": 1, "steps_per_iteration": 10, "convergence_threshold": 0}),
    ("export", {"format": "splat"}),
)
TOLERATED = {"MB": 60.0, "files": 30.0, "threads": 30.0, "connections": 30.0}
"""Growth an hour, by what is measured, that ten minutes cannot tell from chance: 5 MB in the half that counts."""
WARM_UP = 0.5
"""This share of the time is not looked at: pools fill, caches and allocators take what they will keep."""


@dataclass
class Work:
    """What the clients have done so far."""

    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def use(url: str, photos: list[bytes], number: int, work: Work) -> None:
    """One project after the other, each through all steps, until the time is over."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=900, trust_env=False) as client:
        while not work.over.is_set():
            files = [("files", (f"{n}.jpg", photo, "image/jpeg")) for n, photo in enumerate(photos)]
            project_id = client.post("/upload", files=files).raise_for_status().json()["project_id"]
            work.done["upload"] += 1
            for step, body in STEPS:
                if work.over.is_set():
                    break
                called = client.post(f"/{step}/{project_id}", json=body).raise_for_status()
                run = _ended(client, called.json()["run_id"], work)
                if run is not None and run["status"] != "completed":
                    work.failed.append(f"client {number}: {step} {run['status']}: {run['error']}")
                    break
                work.done[step] += 1
            else:
                client.delete(f"/projects/{project_id}").raise_for_status()


def _ended(client: httpx.Client, run_id: str, work: Work) -> dict[str, Any] | None:
    while not work.over.is_set():
        run: dict[str, Any] = client.get(f"/runs/{run_id}").raise_for_status().json()
        if run["status"] in ("completed", "failed", "cancelled"):
            return run
        work.over.wait(0.5)
    return None


def measure(served: Served, conn: psycopg.Connection[Any]) -> dict[str, float]:
    """Memory, open files and threads of each lasting process, and connections to the database."""
    found: dict[str, float] = {}
    for name, process in _lasting(served.process.pid):
        with suppress(psutil.NoSuchProcess), process.oneshot():
            found[f"{name} MB"] = process.memory_info().rss / 2**20
            found[f"{name} files"] = process.num_fds()
            found[f"{name} threads"] = process.num_threads()
    row = conn.execute("select count(*) from pg_stat_activity where backend_type = 'client backend'").fetchone()
    found["database connections"] = row[0] if row else 0
    return found


def _lasting(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    yield "server", psutil.Process(pid)
    for process in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            words = process.cmdline()
            if "maquette.cli.children" in words:
                yield words[words.index("maquette.cli.children") + 1], process
            elif "postgres" in process.name():
                yield "postmaster", process


def slopes(times_s: list[float], samples: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Growth an hour of each figure with its standard error, by least squares."""
    hours = np.array(times_s) / 3600
    centred = hours - hours.mean()
    told = {}
    for name in samples[0]:
        values = np.array([sample.get(name, np.nan) for sample in samples])
        slope = float(centred @ (values - values.mean()) / (centred @ centred))
        left = values - values.mean() - slope * centred
        error = float(np.sqrt(left @ left / max(len(values) - 2, 1) / (centred @ centred)))
        told[name] = (slope, error)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--projects", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="steps that run at the same time")
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="maquette-soak-"))
    photos = [path.read_bytes() for path in make_capture(folder, views=6, width=240, height=180).paths]
    work, times, samples = Work(), [], []
    with serving(workers=told.workers) as served, served.admin() as conn:
        clients = [
            threading.Thread(target=use, args=(served.url, photos, number, work), daemon=True)
            for number in range(told.projects)
        ]
        for client in clients:
            client.start()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < told.minutes * 60:
            sample = measure(served, conn)
            times.append(passed)
            samples.append(sample)
            if len(samples) == 1:
                print("| s |", " | ".join(sample), "| done |")
            print(
                f"| {passed:.0f} |", " | ".join(f"{value:.0f}" for value in sample.values()), f"| {dict(work.done)} |"
            )
            sys.stdout.flush()
            time.sleep(max(0.0, told.every - (time.monotonic() - began - passed)))
        work.over.set()
        for client in clients:
            client.join(60)
    return report(times, samples, work)


def report(times: list[float], samples: list[dict[str, float]], work: Work) -> int:
    """Print what grew; the exit code."""
    first = next(index for index, passed in enumerate(times) if passed >= WARM_UP * times[-1])
    grows = []
    print("\n| figure | first | last | an hour | standard error |\n|---|---|---|---|---|")
    for name, (slope, error) in slopes(times[first:], samples[first:]).items():
        print(f"| {name} | {samples[first][name]:.1f} | {samples[-1][name]:.1f} | {slope:+.1f} | {error:.1f} |")
        if slope - 2 * error > TOLERATED[name.rpartition(" ")[2]]:
            grows.append(name)
    print(f"\n{dict(work.done)} done, {len(work.failed)} failed; growing: {', '.join(grows) or 'nothing'}")
    for one in work.failed:
        print(one)
    return 1 if grows or work.failed else 0


if __name__ == "__main__":
    sys.exit(main())
