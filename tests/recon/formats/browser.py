"""Opens pages in the machine's Chromium, by its DevTools protocol: waits on state, never on time."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import ClientConnection, connect

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


class Page:
    """A tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.session: str | None = None
        self.complaints: list[str] = []
        """What the page wrote to the console, and the errors that nobody caught."""

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer; notes what the page complains of meanwhile."""
        self._last += 1
        told = {"id": self._last, "method": method, "params": parameters}
        self._socket.send(json.dumps(told | ({"sessionId": self.session} if self.session else {})))
        while True:
            heard = json.loads(self._socket.recv(timeout=60))
            if heard.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(heard["params"])[:600])
            if heard.get("id") == self._last:
                assert "error" not in heard, heard
                return heard["result"]

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        return self.ask("Runtime.evaluate", expression=expression, awaitPromise=True)["result"].get("value")

    def open(self, path: Path, width: int, height: int) -> None:
        """Open a file and wait until it shows its model, or says why not."""
        for domain in ("Runtime", "Page", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("['shown', 'failed'].includes(document.documentElement.dataset.state)")

    def wait(self, condition: str, timeout_s: float = 90) -> None:
        """Until JavaScript says true."""
        end = time.monotonic() + timeout_s
        while not self.value(condition):
            assert time.monotonic() < end, (condition, self.value("document.body.innerText"), self.complaints)
            time.sleep(0.1)

    def picture(self) -> np.ndarray:
        """What is on the screen, sRGB."""
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@contextmanager
def chromium(*flags: str) -> Iterator[Page]:
    """A fresh browser with one tab; skips where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: apt install chromium")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        subprocess.Popen(
            [program, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            assert process.stderr is not None
            found = None
            for line in process.stderr:
                if found := re.search(r"DevTools listening on ws://([^/]+)/", line):
                    break
            assert found, "chromium ended before it could be spoken to"
            # Through the browser's own socket: its tabs are behind HTTP, which a proxy may take away.
            with connect(found.string[found.start() :].split(" on ")[1].strip(), max_size=None, proxy=None) as browser:
                yield from _tab(browser)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _tab(browser: ClientConnection) -> Iterator[Page]:
    page = Page(browser)
    target = page.ask("Target.createTarget", url="about:blank")["targetId"]
    page.session = page.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    yield page
