"""What the client's operations ask for, without doing it: requests, pauses, files to save.

Each operation is a generator of these. :class:`maquette.client.Client` and :class:`maquette.client.AsyncClient` carry
them out, each in its own way, so that what the operations do is written once.
"""

from __future__ import annotations

import contextlib
import json as json_module
import mimetypes
import random
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

import httpx

from maquette.client.errors import ServerSilentError, error_of

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, float, str], None]
"""Told a stage, how much of it is done (0 to 1), and a few words."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
PATIENCE_S = 120.0
"""How long one call is repeated where the line or the server fails, or asks to come again later."""
AGAIN = frozenset({429, 502, 503, 504})


def silent(stage: str, fraction: float, message: str) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Part:
    """A file of a form; opened anew at each attempt."""

    field: str
    path: Path


@dataclass(frozen=True)
class Send:
    """A request. ``url``: below the API, or whole. ``form`` and ``parts`` make it multipart."""

    method: str
    url: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    form: Mapping[str, str | list[str]] | None = None
    parts: Sequence[Part] = ()
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: Callable[[int], None] | None = None
    """Told how many bytes of the files have left in this attempt."""


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Save:
    """Stream an address into a file, which is there whole or not at all."""

    url: str
    path: Path
    progress: Progress = silent


Asked: TypeAlias = Send | Pause | Save
Flow: TypeAlias = Generator[Asked, Any, T]


def call(send: Send, *, patience_s: float = PATIENCE_S) -> Flow[httpx.Response]:
    """A request of the API, repeated until the server has said something final. Raises what it refuses.

    A POST goes with an ``Idempotency-Key``, the same at every attempt, so that repeating does nothing twice.
    """
    if send.method == "POST" and "Idempotency-Key" not in send.headers:
        send = replace(send, headers={**send.headers, "Idempotency-Key": str(uuid.uuid4())})
    wait_s, spent_s = FIRST_WAIT_S, 0.0
    while True:
        try:
            answer: httpx.Response = yield send
        except httpx.TransportError as broken:
            problem: Exception = ServerSilentError.of(broken)
            asked_s = 0.0
        else:
            if not answer.is_error:
                return answer
            problem = error_of(answer)
            if answer.status_code not in AGAIN:
                raise problem
            asked_s = _asked_s(answer)
        pause_s = max(asked_s, wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
        if spent_s + pause_s > patience_s:
            raise problem
        yield Pause(pause_s)
        spent_s += pause_s
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


def answer_of(send: Send) -> Flow[dict[str, Any]]:
    """The JSON object that a call answers."""
    answer = yield from call(send)
    body: dict[str, Any] = answer.json() if answer.content else {}
    return body


def all_items(url: str, params: Mapping[str, Any] | None = None) -> Flow[list[dict[str, Any]]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = yield from answer_of(Send("GET", url, {**(params or {}), **({"cursor": cursor} if cursor else {})}))
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@contextlib.contextmanager
def arguments(send: Send) -> Iterator[dict[str, Any]]:
    """What httpx takes for a request; its files are open for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        given: dict[str, Any] = {"params": send.params, "headers": dict(send.headers)}
        if send.parts or send.form is not None:
            count = _Count(send.sent)
            # Fields as parts without a file's name: httpx makes a form without files urlencoded otherwise.
            fields = [
                (name, (None, value))
                for name, values in (send.form or {}).items()
                for value in ([values] if isinstance(values, str) else values)
            ]
            given["files"] = fields + [
                (
                    part.field,
                    (
                        part.path.name,
                        _Told(stack.enter_context(part.path.open("rb")), count),
                        mimetypes.guess_type(part.path.name)[0] or "application/octet-stream",
                    ),
                )
                for part in send.parts
            ]
        elif send.json is not None:
            given["content"] = json_module.dumps(send.json).encode()
            given["headers"].setdefault("content-type", "application/json")
        elif send.content is not None:
            given["content"] = send.content
        yield given


@dataclass
class _Count:
    """What was read of all files of an attempt."""

    told: Callable[[int], None] | None
    read: int = 0

    def add(self, more: int) -> None:
        self.read += more
        if self.told is not None:
            self.told(self.read)


class _Told:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], count: _Count) -> None:
        self._file, self._count = file, count

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._count.add(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


def _asked_s(answer: httpx.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0
