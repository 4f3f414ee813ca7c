"""The body of an upload, written to a file as it comes: raw bytes, or the form that supabase-js and storage3 send."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from maquette.embedded.storage.faults import Fault, invalid_request, too_large
from maquette.embedded.storage.files import Incoming

MAX_FIELD = 64 * 1024
MAX_HEADER = 1000
DRAIN = 64 << 20


@dataclass
class Described:
    """What came with the bytes."""

    mime: str = "application/octet-stream"
    cache_control: str = "no-cache"
    user_metadata: dict[str, Any] | None = None


async def read_upload(
    request: Request, incoming: Incoming, limit: int | None, allow: Callable[[str], None]
) -> Described:
    """Write the upload into ``incoming``. ``allow`` raises on a mime type that may not come in, ``limit`` is bytes."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    expected = request.headers.get("content-length", "")
    # A form is a little larger than its file.
    if limit is not None and expected.isdigit() and int(expected) > limit + 2 * MAX_FIELD:
        raise too_large()
    try:
        if kind == b"multipart/form-data":
            boundary = options.get(b"boundary")
            if not boundary:
                raise invalid_request("The form has no boundary")
            described = await _read_form(request, incoming, limit, allow, boundary)
        else:
            described = await _read_raw(request, incoming, limit, allow)
    except ClientDisconnect:
        raise Fault(499, "aborted", "The client went away", "Aborted") from None
    check_header_text(described.mime, described.cache_control)
    return described


def check_header_text(*values: str) -> None:
    """Refuse what cannot stand in a header: downloads answer with it, and a line break would begin another header."""
    if not all(value.isascii() and value.isprintable() and len(value) <= MAX_HEADER for value in values):
        raise invalid_request("The content type and the cache control are printable ASCII")


async def drain(request: Request) -> None:
    """Read what is left of a refused upload, so that the client gets to see the answer; not without end."""
    left = DRAIN
    try:
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return
    except (ClientDisconnect, RuntimeError):
        return  # Gone, or read to the end already.


async def _read_raw(request: Request, incoming: Incoming, limit: int | None, allow: Callable[[str], None]) -> Described:
    described = Described(
        mime=request.headers.get("content-type") or "application/octet-stream",
        cache_control=_cache_control(request.headers.get("cache-control")),
        user_metadata=read_user_metadata(request.headers.get("x-metadata"), encoded=True),
    )
    allow(described.mime)
    async for chunk in request.stream():
        await _take(incoming, chunk, limit)
    return described


async def _read_form(
    request: Request, incoming: Incoming, limit: int | None, allow: Callable[[str], None], boundary: bytes
) -> Described:
    form = _Form()
    parser = MultipartParser(boundary, form.callbacks())
    described = Described(cache_control="no-cache")
    found = False
    async for chunk in _stream(request):
        try:
            parser.write(chunk)
        except FormParserError as error:
            raise invalid_request(f"The form is broken: {error}") from None
        for part, data in form.take():
            if part.is_file:
                if not found:
                    found = True
                    described.mime = part.mime
                    allow(part.mime)
                elif part is not form.file:
                    raise invalid_request("One file a request")
                await _take(incoming, data, limit)
    try:
        parser.finalize()
    except FormParserError as error:
        raise invalid_request(f"The form is broken: {error}") from None
    if not found or not form.ended:
        raise invalid_request("The form holds no whole file")
    described.cache_control = _cache_control(form.fields.get("cacheControl"))
    described.user_metadata = read_user_metadata(form.fields.get("metadata"))
    return described


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def _take(incoming: Incoming, data: bytes, limit: int | None) -> None:
    if limit is not None and incoming.size + len(data) > limit:
        raise too_large()
    await incoming.write(data)


@dataclass
class _Part:
    name: str = ""
    is_file: bool = False
    mime: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


class _Form:
    """Turns the parser's callbacks into pieces of parts; holds no more than one chunk and the small fields."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.file: _Part | None = None
        self.ended = False
        self._pieces: list[tuple[_Part, bytes]] = []
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()
        self._text = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def take(self) -> list[tuple[_Part, bytes]]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin(self) -> None:
        self._part, self._text = _Part(), bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._part.headers[self._header.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._header, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition"))
        part.name = options.get(b"name", b"").decode("latin-1")
        # supabase-js appends a Blob under the empty name.
        part.is_file = b"filename" in options or part.name == ""
        part.mime = part.headers.get("content-type") or part.mime
        if part.is_file:
            if self.file is None:
                self.file = part
            # An empty file has no data; its piece says that it is there.
            self._pieces.append((part, b""))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._pieces.append((self._part, data[start:end]))
        else:
            self._text += data[start:end]
            if len(self._text) > MAX_FIELD or len(self.fields) > 16:
                raise invalid_request("A form field is too large")

    def _on_part_end(self) -> None:
        if not self._part.is_file:
            self.fields[self._part.name] = self._text.decode(errors="replace")

    def _on_end(self) -> None:
        self.ended = True


def _cache_control(value: str | None) -> str:
    if not value:
        return "no-cache"
    return f"max-age={value}" if value.isdigit() else value


def read_user_metadata(value: str | None, *, encoded: bool = False) -> dict[str, Any] | None:
    """What users say about an object, as JSON; ``encoded`` in base64."""
    if not value:
        return None
    try:
        parsed = json.loads(base64.b64decode(value) if encoded else value)
    except (ValueError, RecursionError):
        raise invalid_request("The metadata is not JSON") from None
    return parsed if isinstance(parsed, dict) else None
