"""Large files in parts (tus 1.0): a line that breaks, or a program that is killed, sends nothing twice."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import httpx

from maquette.client.errors import ApiError, ServerSilentError, error_of
from maquette.client.exchange import FIRST_WAIT_S, LONGEST_WAIT_S, PATIENCE_S, Flow, Pause, Send, answer_of

LARGE_BYTES = 24_000_000
"""From here on a file goes in parts."""
TUS = {"Tus-Resumable": "1.0.0"}
TOKEN_OVER = frozenset({400, 401, 403})
"""How storages refuse a token whose time is over."""


class Memory:
    """Where uploads that were begun go on: one small file, without any credential. ``folder`` None: nothing is kept.

    By a file's incoming id its place in storage, by :func:`fingerprint` the project that an upload makes.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "uploads.json" if folder else None

    @classmethod
    def usual(cls) -> Memory:
        """In the user's cache folder (XDG)."""
        home = os.environ.get("XDG_CACHE_HOME")
        try:
            return cls((Path(home) if home else Path.home() / ".cache") / "maquette")
        except RuntimeError:  # somebody without a home
            return cls(None)

    def __getitem__(self, name: str) -> str | None:
        found = self._read().get(name)
        return found if isinstance(found, str) else None

    def __setitem__(self, name: str, value: str | None) -> None:
        """Remember, or with None forget. What cannot be written is not remembered: the upload then begins anew."""
        if self._path is None:
            return
        known = self._read()
        known.pop(name, None)
        if value is not None:
            known[name] = value
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(dict(list(known.items())[-100:])))
            draft.replace(self._path)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text()) if self._path else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def fingerprint(*of: object, files: Iterable[Path]) -> str:
    """The same for the same files, unchanged, and the same ``of``."""
    stamps = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((of, stamps)).encode()).hexdigest()


def send_large(
    project_id: UUID, path: Path, memory: Memory, told: Callable[[int], None], *, patience_s: float = PATIENCE_S
) -> Flow[str]:
    """Send a file and return the id by which ``POST /upload`` takes it in. ``told``: bytes that are there so far."""
    size = path.stat().st_size
    ticket = yield from _announced(project_id, path, size)
    incoming_id = str(ticket["id"])
    place = f"/projects/{project_id}/incoming/{incoming_id}"
    waited_s, wait_s, reached = 0.0, FIRST_WAIT_S, 0
    while not ticket["complete"]:
        upload, offset = ticket["upload"], 0
        try:
            location, offset = yield from _place(incoming_id, upload, size, memory)
            with path.open("rb") as file:
                while offset < size:
                    told(offset)
                    file.seek(offset)
                    chunk = file.read(upload["chunk_bytes"])
                    answer: httpx.Response = yield Send(
                        "PATCH",
                        location,
                        content=chunk,
                        headers={
                            **TUS,
                            **upload["headers"],
                            "Upload-Offset": str(offset),
                            "Content-Type": "application/offset+octet-stream",
                        },
                    )
                    if answer.is_error:
                        raise error_of(answer)
                    offset = int(answer.headers["upload-offset"])
            break
        except (httpx.TransportError, ApiError) as broken:
            problem = broken if isinstance(broken, ApiError) else ServerSilentError.of(broken)
            if isinstance(broken, ApiError) and broken.status in (404, 410):
                memory[incoming_id] = None  # storage has forgotten it
            elif (
                isinstance(broken, ApiError)
                and broken.status < 500
                and broken.status not in TOKEN_OVER | {409, 423, 429}
            ):
                raise
            if offset > reached:  # as long as it gets further, it is worth the next try
                waited_s, wait_s, reached = 0.0, FIRST_WAIT_S, offset
            if waited_s + wait_s > patience_s:
                raise problem from None
            yield Pause(wait_s)
            waited_s, wait_s = waited_s + wait_s, min(wait_s * 2, LONGEST_WAIT_S)
            # Read again: it may be complete, and the token may have had its time.
            ticket = yield from answer_of(Send("GET", place))
    told(size)
    memory[incoming_id] = None
    return incoming_id


def _announced(project_id: UUID, path: Path, size: int) -> Flow[dict[str, Any]]:
    """The server's ticket for this file, the same again where this very file was begun before."""
    for turn in range(100):
        key = fingerprint(str(project_id), turn, files=[path])
        try:
            ticket = yield from answer_of(
                Send(
                    "POST",
                    f"/projects/{project_id}/incoming",
                    json={"name": path.name, "bytes": size},
                    headers={"Idempotency-Key": key},
                )
            )
        except ApiError as error:
            if error.code not in ("incoming_expired", "incoming_not_found"):
                raise
            continue
        if ticket["run_id"] is None:
            return ticket
        # It was taken in before, and is sent once more now.
    raise ServerSilentError("The server forgets what was announced.", suggestion="Call again later.")


def _place(incoming_id: str, upload: dict[str, Any], size: int, memory: Memory) -> Flow[tuple[str, int]]:
    """Where the file goes, and how much of it is there."""
    location = memory[incoming_id]
    if location is not None:
        answer: httpx.Response = yield Send("HEAD", location, headers={**TUS, **upload["headers"]})
        if answer.is_success:
            return location, int(answer.headers["upload-offset"])
        if answer.status_code not in (404, 410):
            raise error_of(answer)
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in upload["metadata"].items()
    )
    answer = yield Send(
        "POST",
        upload["endpoint"],
        headers={**TUS, **upload["headers"], "Upload-Length": str(size), "Upload-Metadata": metadata},
    )
    if answer.is_error:
        raise error_of(answer)
    location = urljoin(upload["endpoint"], answer.headers["location"])
    memory[incoming_id] = location
    return location, 0
