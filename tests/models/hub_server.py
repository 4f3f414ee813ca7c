"""A hub on this machine: answers what `huggingface_hub` asks, over real HTTP, and can break as networks do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Files of this many bytes and more are told with their sha256, smaller ones with git's name, as the hub does."""


class HubServer(ThreadingHTTPServer):
    """``files`` by path for the one repository at its one commit; ``plain`` by path for ordinary addresses."""

    daemon_threads = True

    def __init__(self) -> None:
        self.repository, self.commit = "acme/model", COMMIT
        self.files: dict[str, bytes] = {}
        self.plain: dict[str, bytes] = {}
        self.announced: dict[str, bytes] = {}
        """What the hub says a file holds, where it is not what it sends."""
        self.break_after: int | None = None
        """Bytes of a body after which the connection is cut, once."""
        self.silent: tuple[str, ...] = ()
        """Methods whose requests are taken and never answered."""
        self.status: int | None = None
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and range of each request."""
        self.released = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def told(self, path: str) -> bytes:
        return self.announced.get(path, self.files[path])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.server
        path = unquote(self.path.partition("?")[0])
        hub.requests.append((self.command, path, self.headers.get("Range")))
        if self.command in hub.silent:
            hub.released.wait(60)
            self.close_connection = True
            return
        if hub.status is not None:
            self._send(hub.status, b"{}", body)
        elif path == f"/api/models/{hub.repository}/revision/{hub.commit}":
            siblings = [self._described(name) for name in hub.files]
            self._send(200, json.dumps({"id": hub.repository, "sha": hub.commit, "siblings": siblings}).encode(), body)
        elif path.startswith(f"/api/models/{hub.repository}/"):
            self._send(404, b"{}", body, {"X-Error-Code": "RevisionNotFound"})
        elif path.startswith("/api/"):
            self._send(404, b"{}", body, {"X-Error-Code": "RepoNotFound"})
        elif (name := path.removeprefix(f"/{hub.repository}/resolve/{hub.commit}/")) in hub.files:
            self._send_file(hub.files[name], hub.told(name), body, {"X-Repo-Commit": hub.commit})
        elif (name := path.removeprefix("/plain/")) in hub.plain:
            self._send_file(hub.plain[name], hub.plain[name], body, {})
        else:
            self._send(404, b"{}", body)

    def _described(self, name: str) -> dict[str, object]:
        told = self.server.told(name)
        described: dict[str, object] = {"rfilename": name, "size": len(told), "blobId": git_blob(told)}
        if len(told) >= LARGE:
            described["lfs"] = {"sha256": hashlib.sha256(told).hexdigest(), "size": len(told), "pointerSize": 130}
        return described

    def _send_file(self, content: bytes, told: bytes, body: bool, headers: dict[str, str]) -> None:
        tag = f'"{hashlib.sha256(told).hexdigest() if len(told) >= LARGE else git_blob(told)}"'
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        headers |= {"ETag": tag, "Accept-Ranges": "bytes"}
        if wanted and condition in (None, tag):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self._send(416, b"", body, headers | {"Content-Range": f"bytes */{len(content)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._send(206, content[start:], body, headers)
        else:
            self._send(200, content, body, headers)

    def _send(self, status: int, content: bytes, body: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        cut = self.server.break_after
        if cut is not None and len(content) > cut:
            self.server.break_after = None
            self.wfile.write(content[:cut])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    """The server in a thread, at a free port, until the block ends."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
