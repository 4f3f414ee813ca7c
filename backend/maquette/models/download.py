"""One file over HTTP: resumed where it stopped, never waiting longer than it is told to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from maquette.models.errors import SourceRefusesError, SourceUnreachableError

ATTEMPTS = 5
"""Tries in a row that brought no new byte before it is given up."""
_BLOCK = 256 * 1024


def download(url: str, path: Path, name: str, heard: Callable[[int], None], timeout_s: float) -> None:
    """Fetch ``url`` to ``path`` by way of ``<path>.part``, which a later call goes on with.

    ``heard`` is told how many bytes of the file are there now. ``timeout_s`` bounds the wait for a connection and for
    each next piece. Raises :class:`SourceUnreachableError` and :class:`SourceRefusesError`.
    """
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    idle = 0
    with httpx.Client(follow_redirects=True, timeout=timeout_s) as client:
        while True:
            before = _size(part)
            try:
                _go_on(client, url, part, name, heard)
            except httpx.TransportError as error:
                # Whatever came is kept; only silence counts against the server.
                idle = 0 if _size(part) > before else idle + 1
                if idle == ATTEMPTS or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    raise SourceUnreachableError(name, _server(url), _why(error)) from error
            else:
                break
    part.replace(path)
    _tag_file(part).unlink(missing_ok=True)


def _go_on(client: httpx.Client, url: str, part: Path, name: str, heard: Callable[[int], None]) -> None:
    have, tag = _size(part), _tag(part)
    # Without a tag nobody could say that the rest belongs to the same file.
    headers = {"Range": f"bytes={have}-", "If-Range": tag} if have and tag else {}
    # What a server compresses cannot be resumed, and weights do not compress.
    with client.stream("GET", url, headers=headers | {"Accept-Encoding": "identity"}) as answer:
        if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{have}":
            heard(have)  # stopped after the last byte: nothing is left to fetch
            return
        if answer.status_code not in (200, 206):
            _tag_file(part).unlink(missing_ok=True)
            raise SourceRefusesError(name, _server(url), f"it answers {answer.status_code} {answer.reason_phrase}")
        resumed = answer.status_code == 206
        if not resumed:
            _keep_tag(part, answer.headers.get("ETag"))
        with part.open("ab" if resumed else "wb") as file:
            done = have if resumed else 0
            heard(done)
            for block in answer.iter_raw(_BLOCK):
                file.write(block)
                done += len(block)
                heard(done)


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _tag(part: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return _tag_file(part).read_text()
    return None


def _keep_tag(part: Path, tag: str | None) -> None:
    if tag and not tag.startswith("W/"):  # a weak one does not promise the same bytes
        _tag_file(part).write_text(tag)
    else:
        _tag_file(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _server(url: str) -> str:
    return urlsplit(url).hostname or url


def _why(error: httpx.TransportError) -> str:
    return "no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__
