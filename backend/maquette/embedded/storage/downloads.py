"""GET and HEAD of objects and of what is known about them: ranges, ETags, streaming."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote

from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from maquette.embedded.storage.callers import SERVICE, Caller, transaction_as
from maquette.embedded.storage.faults import Fault, no_such_bucket, no_such_key
from maquette.embedded.storage.files import CHUNK, FileStore
from maquette.embedded.storage.names import check_key
from maquette.embedded.storage.routing import KeyRoute
from maquette.embedded.storage.service import Service, service_of, wire_time
from maquette.embedded.storage.tokens import verify


async def download(request: Request) -> Response:
    """An object the caller may read; any object of a public bucket."""
    service = service_of(request)
    bucket = await service.bucket(request.path_params["bucket"])
    caller = SERVICE if bucket["public"] else service.caller(request)
    return await _serve(request, service, caller, bucket["id"])


async def download_public(request: Request) -> Response:
    """An object of a public bucket, for anyone."""
    service = service_of(request)
    bucket = await service.bucket(request.path_params["bucket"])
    if not bucket["public"]:
        raise no_such_bucket()
    return await _serve(request, service, SERVICE, bucket["id"])


async def download_signed(request: Request) -> Response:
    """An object by a token made for it."""
    service = service_of(request)
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    verify(service.keys, "download", bucket, key, request.query_params.get("token", ""))
    return await _serve(request, service, SERVICE, bucket)


async def info(request: Request) -> Response:
    """What is known about an object."""
    service = service_of(request)
    bucket = await service.bucket(request.path_params["bucket"])
    caller = SERVICE if bucket["public"] else service.caller(request)
    row = await find_object(service, caller, bucket["id"], request.path_params["key"])
    return JSONResponse(
        {
            "id": str(row["id"]),
            "name": row["name"],
            "version": row["version"],
            "bucket_id": row["bucket_id"],
            "size": row["metadata"]["size"],
            "content_type": row["metadata"]["mimetype"],
            "cache_control": row["metadata"]["cacheControl"],
            "etag": row["metadata"]["eTag"],
            "metadata": row["user_metadata"],
            "last_modified": wire_time(row["updated_at"]),
            "created_at": wire_time(row["created_at"]),
        }
    )


async def find_object(service: Service, caller: Caller, bucket: str, key: str) -> DictRow:
    """An object's row as the caller sees it; missing and hidden are the same."""
    check_key(key)
    async with transaction_as(service.pool, caller) as connection:
        found = await connection.execute(
            "select * from storage.objects where bucket_id = %s and name = %s", [bucket, key]
        )
        row = await found.fetchone()
    if row is None:
        raise no_such_key()
    return row


async def _serve(request: Request, service: Service, caller: Caller, bucket: str) -> Response:
    key = request.path_params["key"]
    row = await find_object(service, caller, bucket, key)
    try:
        file = await service.files.open(bucket, key, row["version"])
    except FileNotFoundError:
        # Replaced between the two looks: the row names another version now.
        row = await find_object(service, caller, bucket, key)
        try:
            file = await service.files.open(bucket, key, row["version"])
        except FileNotFoundError:
            raise Fault(500, "internal", "The file of this object is lost", "InternalError", 500) from None
    try:
        return _answer(request, service.files, file, row)
    except BaseException:
        file.close()
        raise


def _answer(request: Request, files: FileStore, file: BinaryIO, row: DictRow) -> Response:
    size, etag = row["metadata"]["size"], row["metadata"]["eTag"]
    modified = row["updated_at"].replace(microsecond=0)
    headers = {
        "etag": etag,
        "last-modified": format_datetime(modified, usegmt=True),
        "cache-control": row["metadata"]["cacheControl"],
        "accept-ranges": "bytes",
        "content-type": row["metadata"]["mimetype"],
    }
    if "download" in request.query_params:
        name = request.query_params["download"]
        headers["content-disposition"] = (
            f"attachment; filename*=UTF-8''{quote(name, safe='')}" if name else "attachment"
        )
    if _unchanged(request, etag, modified):
        file.close()
        return Response(status_code=304, headers=headers)
    start, end, status = 0, size, 200
    wanted = request.headers.get("range")
    if wanted and request.headers.get("if-range", etag) == etag:
        span = _range(wanted, size)
        if span is not None:
            start, end = span
            status = 206
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return FileResponse(files, file, start, end - start, status, headers, body=request.method != "HEAD")


def _unchanged(request: Request, etag: str, modified: datetime) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in known.split(",")]
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return modified <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _range(wanted: str, size: int) -> tuple[int, int] | None:
    """The span of one byte range; None for what may be ignored (several ranges, other units)."""
    match = re.fullmatch(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", wanted)
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)
        if match[2] and int(match[2]) < int(match[1]):
            return None
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= size or start >= end:
        raise Fault(416, "InvalidRange", "The requested range cannot be satisfied", "InvalidRange", 416)
    return start, end


class FileResponse(Response):
    """A part of an open file, read in the store's own threads, closed however it ends."""

    def __init__(
        self,
        files: FileStore,
        file: BinaryIO,
        start: int,
        length: int,
        status: int,
        headers: dict[str, str],
        *,
        body: bool,
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "content-length": str(length)})
        self._files, self._file, self._start, self._length, self._send_body = files, file, start, length, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = self._length if self._send_body else 0
            if left:
                await self._files.run(self._file.seek, self._start)
            while left:
                data = await self._files.run(self._file.read, min(CHUNK, left))
                if not data:
                    raise OSError("the file is shorter than its row says")
                left -= len(data)
                await send({"type": "http.response.body", "body": data, "more_body": left > 0})
            if not self._length or not self._send_body:
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._file.close()


GET = ["GET", "HEAD"]
ROUTES = [
    KeyRoute("/object/info/public/{bucket}/{key:path}", info, methods=GET),
    KeyRoute("/object/info/authenticated/{bucket}/{key:path}", info, methods=GET),
    KeyRoute("/object/info/{bucket}/{key:path}", info, methods=GET),
    KeyRoute("/object/sign/{bucket}/{key:path}", download_signed, methods=GET),
    KeyRoute("/object/public/{bucket}/{key:path}", download_public, methods=GET),
    KeyRoute("/object/authenticated/{bucket}/{key:path}", download, methods=GET),
    KeyRoute("/object/{bucket}/{key:path}", download, methods=GET),
]
