"""What the service costs: the same photos through `maquette reconstruct` and through the REST API, turn and turn about.

    python -m bench.overhead PHOTOS [--preset fastest] [--rounds 3]

Both do upload, generate and one export. Wall seconds from the first call to the file in hand, of a server that runs
already; `maquette reconstruct` starts a process, the server one for each step. Also the generate step by itself:
what the run's own rows say against the same stages of the command. Prints medians, judges nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from bench.serving import serving


def by_command(photos: Path, preset: str) -> float:
    """Wall seconds of `maquette reconstruct`."""
    with tempfile.TemporaryDirectory() as out:
        options = ["--preset", preset, "--formats", "ply", "--refine", "0"]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "maquette.cli", "reconstruct", str(photos), "--out", out, *options],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - began


def by_service(client: httpx.Client, photos: Path, preset: str) -> dict[str, float]:
    """Wall seconds of the same three steps over HTTP, in all and each."""
    paths = sorted(path for path in photos.iterdir() if path.is_file())
    files = [("files", (path.name, path.read_bytes(), "application/octet-stream")) for path in paths]
    began = time.perf_counter()
    project_id = client.post("/upload", files=files).raise_for_status().json()["project_id"]
    uploaded = time.perf_counter()
    made = client.post(f"/generate/{project_id}", json={"preset": preset}, params={"wait": 600})
    run = client.get(f"/runs/{made.raise_for_status().json()['run_id']}").json()
    generated = time.perf_counter()
    url = client.post(f"/export/{project_id}", json={"format": "ply"}, params={"wait": 600}).json()["download_url"]
    client.get(url).raise_for_status()
    ended = time.perf_counter()
    client.delete(f"/projects/{project_id}")
    inside = sum(seconds for stage, seconds in run["timings"].items() if stage != "peak_memory_mb")
    return {
        "all": ended - began,
        "upload": uploaded - began,
        "generate": generated - uploaded,
        "generate, in its process": inside,
        "export and download": ended - generated,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--preset", default="fastest")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    commands: list[float] = []
    services: list[dict[str, float]] = []
    with (
        serving(workers=1) as served,
        httpx.Client(base_url=f"{served.url}/api/v1", timeout=3700, trust_env=False) as client,
    ):
        for number in range(told.rounds):
            services.append(by_service(client, told.photos, told.preset))
            commands.append(by_command(told.photos, told.preset))
            print(
                f"round {number + 1}: service {services[-1]['all']:.1f} s, command {commands[-1]:.1f} s,"
                f" load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    command = statistics.median(commands)
    service = {name: statistics.median(one[name] for one in services) for name in services[0]}
    print(f"command: {command:.1f} s; service: " + ", ".join(f"{k} {v:.1f} s" for k, v in service.items()))
    more = service["all"] - command
    print(f"the service takes {more:+.1f} s ({100 * more / command:+.1f} %)")


if __name__ == "__main__":
    main()
