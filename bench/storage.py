"""Megabytes per second into and out of the embedded Storage service, against a plain copy of the same file.

    python bench/storage.py [--megabytes 2048] [--rounds 3] [--folder DIR]

The service is the real API in a process of its own, over a stack made for this in DIR. Each round does every way once,
one after the other, so that a change of load meets all of them; the medians are printed, with the growth of the
process's memory peak over all rounds. Every way ends with its bytes on disk (fsync); the plain copy too. The file is
read from the page cache. Needs three times the file's size in DIR, and /proc.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from maquette.embedded.stack import run_stack
from maquette.settings import Settings

BUCKET = "bench"
BLOCK = 1 << 20
TUS_CHUNK = 6 << 20
TUS = {"Tus-Resumable": "1.0.0"}


class Client:
    """A connection for each way, blocks of a megabyte, nothing kept of what comes."""

    def __init__(self, port: int, key: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=BLOCK)
        self._key = {"Authorization": f"Bearer {key}"}

    def leave(self) -> None:
        """End the connection; the next call makes another. The server ends one that is idle for five seconds."""
        self._line.close()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> http.client.HTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._line.request(method, path, body, self._key | sent)  # type: ignore[arg-type]
        answer = self._line.getresponse()
        assert answer.status < 300, (answer.status, answer.read())
        return answer

    def up(self, source: Path) -> None:
        with source.open("rb", buffering=0) as file:
            size = str(source.stat().st_size)
            self.call("POST", f"/storage/v1/object/{BUCKET}/x", file, Content_Length=size, x_upsert="true").read()

    def down(self, target: Path) -> None:
        answer = self.call("GET", f"/storage/v1/object/{BUCKET}/x")
        with target.open("wb", buffering=0) as file:
            while data := answer.read(BLOCK):
                file.write(data)
            os.fsync(file.fileno())

    def by_tus(self, source: Path, chunk: int) -> None:
        size = source.stat().st_size
        pairs = {"bucketName": BUCKET, "objectName": "x"}
        metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())
        sent = {"Upload-Length": str(size), "Upload-Metadata": metadata, "x-upsert": "true"}
        answer = self.call("POST", "/storage/v1/upload/resumable", **TUS, **sent)
        answer.read()
        path = "/" + (answer.headers["Location"] or "").split("/", 3)[3]
        with source.open("rb", buffering=0) as file:
            for offset in range(0, size, chunk):
                body = file.read(chunk) if chunk < size else file
                length = str(min(chunk, size - offset))
                sent = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                self.call("PATCH", path, body, Content_Length=length, **TUS, **sent).read()


@contextmanager
def api(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"MAQUETTE_HOME": str(home), "MAQUETTE_PORT": str(port), "MAQUETTE_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, "-m", "maquette.cli.children", "api"], env=environment)
    try:
        for _ in range(600):
            try:
                line = http.client.HTTPConnection("127.0.0.1", port)
                line.request("GET", "/storage/v1/status")
                if line.getresponse().status == 200:
                    break
            except OSError:
                assert process.poll() is None, "the API did not start"
            finally:
                line.close()
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def memory_peak_mb(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def copy(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as here, target.open("wb", buffering=0) as there:
        while data := here.read(BLOCK):
            there.write(data)
        os.fsync(there.fileno())


def make(path: Path, megabytes: int) -> None:
    block = os.urandom(BLOCK)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)


def measure(work: Path, megabytes: int, rounds: int) -> None:
    source, small, target = work / "source", work / "small", work / "target"
    make(source, megabytes)
    make(small, 16)
    settings = Settings(home=work / "home", port=free_port())
    with run_stack(settings) as stack, api(settings.home, settings.port) as process:
        with psycopg.connect(stack.connections.database_url) as connection:
            connection.execute("insert into storage.buckets (id, name) values (%s, %s)", [BUCKET, BUCKET])
        client = Client(settings.port, stack.connections.secret_key)

        def ways(file: Path) -> dict[str, Callable[[], None]]:
            return {
                "plain copy": lambda: copy(file, target),
                "up": lambda: client.up(file),
                "down": lambda: client.down(target),
                "up by tus, 6 MiB pieces": lambda: client.by_tus(file, TUS_CHUNK),
                "up by tus, one piece": lambda: client.by_tus(file, 1 << 50),
            }

        for way in ways(small).values():
            way()
        before = memory_peak_mb(process.pid)
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for name, way in ways(source).items():
                target.unlink(missing_ok=True)
                client.leave()
                began = time.perf_counter()
                way()
                rates[name].append(megabytes * 1.048576 / (time.perf_counter() - began))
        grown = memory_peak_mb(process.pid) - before
    print(f"{megabytes} MiB, {rounds} rounds, load {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores")
    for name, values in rates.items():
        print(f"{name:24} {statistics.median(values):7.0f} MB/s  ({min(values):.0f} to {max(values):.0f})")
    print(f"memory peak of the API grew by {grown:.0f} MiB, from {before:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="maquette-bench-", dir=given.folder))
    # Postgres runs as another user when root measures.
    work.chmod(0o755)
    try:
        free = shutil.disk_usage(work).free
        assert free > 4 * given.megabytes * BLOCK, f"{work} has only {free >> 20} MiB free"
        measure(work, given.megabytes, given.rounds)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
