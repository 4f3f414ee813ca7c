"""Objects in buckets: supabase-py's own Storage client (the package storage3), to Supabase or the embedded service.

Files of any size pass through bounded memory. Whatever fails by accident (a lost line, a 5xx) is tried again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError

from maquette.errors import NotFoundError, TooLargeError, UnavailableError
from maquette.settings import Connections

T = TypeVar("T")

ATTEMPTS = 4
BATCH = 500
CHUNK = 1 << 20
PAGE = 1000


class ObjectMissingError(NotFoundError):
    """There is no such object."""

    code = "object_missing"


class ObjectTooLargeError(TooLargeError):
    """The bucket does not take objects of this size."""

    code = "object_too_large"


class StorageRefusedError(UnavailableError):
    """Storage answered with an error that trying again does not mend."""

    code = "storage_refused"


class StorageUnreachableError(UnavailableError):
    """Storage does not answer."""

    code = "storage_unreachable"


@dataclass(frozen=True)
class Entry:
    """An object as a list shows it; ``changed_at`` is the storage service's own word."""

    key: str
    bytes: int
    changed_at: datetime


@dataclass(frozen=True)
class Objects:
    """The buckets, with the service's own key: row security does not apply, callers decide who may."""

    connections: Connections
    storage: AsyncStorageClient = field(repr=False)
    http: httpx.AsyncClient = field(repr=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, connections: Connections, *, timeout_s: float = 120) -> AsyncIterator[Objects]:
        """A client for as long as the block lasts; ``timeout_s`` bounds each silence in an answer, not its length."""
        headers = {"apikey": connections.secret_key, "Authorization": f"Bearer {connections.secret_key}"}
        async with httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(min(20, timeout_s), read=timeout_s, write=timeout_s),
            limits=httpx.Limits(max_connections=16),
            # A proxy for the outer world must not catch calls to this very machine.
            trust_env=not connections.embedded,
            follow_redirects=True,
        ) as http:
            url = f"{connections.supabase_url}/storage/v1/"
            yield cls(connections, AsyncStorageClient(url, headers, http_client=http), http)

    async def upload(self, bucket: str, key: str, path: Path, mime: str) -> None:
        """Store a file, in place of what is there. httpx reads it piece by piece while it sends."""

        async def send() -> None:
            with path.open("rb") as file:
                await self.storage.from_(bucket).upload(
                    key, file, {"content-type": mime, "upsert": "true", "cache-control": "3600"}
                )

        await _try(send, f"{bucket}/{key}")

    async def download(self, bucket: str, key: str, to_path: Path) -> None:
        """Fetch an object into a file, which appears whole or not at all.

        supabase-py's download holds the whole object in memory, so this asks the same address through httpx.
        """
        partial = to_path.with_name(f".{to_path.name}.{uuid4().hex}")

        async def receive() -> None:
            async with self.http.stream("GET", f"{self._base}/object/{bucket}/{quote(key)}") as response:
                if response.is_error:
                    await response.aread()
                    raise _api_error(response)
                with partial.open("wb") as file:
                    async for chunk in response.aiter_bytes(CHUNK):
                        await asyncio.to_thread(file.write, chunk)

        to_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            await _try(receive, f"{bucket}/{key}")
            await asyncio.to_thread(os.replace, partial, to_path)
        finally:
            partial.unlink(missing_ok=True)

    async def stream(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """An object's bytes piece by piece, for passing on; a connection lost on the way is the caller's to tell of."""
        async with self.http.stream("GET", f"{self._base}/object/{bucket}/{quote(key)}") as response:
            if response.is_error:
                await response.aread()
                error = _api_error(response)
                raise _refused(error, response.status_code, f"{bucket}/{key}")
            async for chunk in response.aiter_bytes(CHUNK):
                yield chunk

    async def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        return await _try(lambda: self.storage.from_(bucket).exists(key), f"{bucket}/{key}")

    async def size(self, bucket: str, key: str) -> int | None:
        """How many bytes an object has; None where there is none."""
        try:
            info = await _try(lambda: self.storage.from_(bucket).info(key), f"{bucket}/{key}")
        except ObjectMissingError:
            return None
        return int(info["size"])

    async def upload_token(self, bucket: str, key: str) -> str:
        """The right to upload one object that is not there yet, for whoever holds this token, for about two hours."""
        signed = await _try(lambda: self.storage.from_(bucket).create_signed_upload_url(key), f"{bucket}/{key}")
        return str(signed["token"])

    async def remove(self, bucket: str, keys: Iterable[str]) -> int:
        """Delete objects, rows and files; how many there were. Missing ones are no error."""
        wanted = list(keys)
        removed = 0
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]

            async def remove(batch: list[str] = batch) -> int:
                return len(await self.storage.from_(bucket).remove(batch))

            removed += await _try(remove, bucket)
        return removed

    async def remove_prefix(self, bucket: str, prefix: str) -> int:
        """Delete every object below a folder; how many there were."""
        return await self.remove(bucket, [key async for key in self.walk(bucket, prefix)])

    async def walk(self, bucket: str, prefix: str) -> AsyncIterator[str]:
        """The keys of all objects below a folder."""
        async for entry in self.entries(bucket, prefix):
            yield entry.key

    async def entries(self, bucket: str, prefix: str) -> AsyncIterator[Entry]:
        """All objects below a folder; the Storage API lists one level at a time.

        What is added or removed meanwhile may move others over the edge of a page: those are missed, or come twice.
        """
        folders = [prefix.strip("/")]
        while folders:
            folder = folders.pop()
            async for found in self._level(bucket, folder):
                key = f"{folder}/{found['name']}" if folder else str(found["name"])
                if found["id"] is None:
                    folders.append(key)
                else:
                    yield _entry(key, found)

    async def folders(self, bucket: str) -> list[str]:
        """The names of the folders at a bucket's top."""
        return [str(found["name"]) async for found in self._level(bucket, "") if found["id"] is None]

    async def _level(self, bucket: str, folder: str) -> AsyncIterator[dict[str, Any]]:
        offset = 0
        while True:

            async def page(offset: int = offset) -> list[dict[str, Any]]:
                return await self.storage.from_(bucket).list(folder, {"limit": PAGE, "offset": offset})

            entries = await _try(page, bucket)
            for entry in entries:
                yield entry
            if len(entries) < PAGE:
                return
            offset += PAGE

    async def signed_url(self, bucket: str, key: str, seconds: int, download_name: str | None = None) -> str:
        """An address that anyone can read the object at for so long; with a name, browsers save it as that."""
        found = (await self.signed_urls(bucket, [key], seconds, download_name))[key]
        if found is None:
            raise _missing(f"{bucket}/{key}")
        return found

    async def signed_urls(
        self, bucket: str, keys: Iterable[str], seconds: int, download_name: str | None = None
    ) -> dict[str, str | None]:
        """Addresses of many objects in as few calls as possible; None where there is no such object."""
        wanted = list(dict.fromkeys(keys))
        urls: dict[str, str | None] = {}
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]

            async def sign(batch: list[str] = batch) -> dict[str, str | None]:
                # storage3 only looks whether `download` is truthy, so no name means no option.
                options = {"download": download_name} if download_name else None
                signed = await self.storage.from_(bucket).create_signed_urls(batch, seconds, options)  # type: ignore[arg-type]
                return {str(one["path"]): one["signedURL"] for one in signed}

            urls |= await _try(sign, bucket)
        return {key: urls.get(key) for key in wanted}

    async def bucket_names(self) -> set[str]:
        """The buckets that are there; fails where storage does not answer or the key is wrong."""
        return {bucket.id for bucket in await _try(self.storage.list_buckets, "buckets")}

    @property
    def _base(self) -> str:
        return f"{self.connections.supabase_url}/storage/v1"


def _entry(key: str, found: dict[str, Any]) -> Entry:
    # An object whose upload was cut short may have no metadata yet.
    size = int((found.get("metadata") or {}).get("size") or 0)
    moments = [datetime.fromisoformat(found[name]) for name in ("updated_at", "created_at") if found.get(name)]
    return Entry(key, size, max(moments))


async def _try(call: Callable[[], Awaitable[T]], what: str) -> T:
    """Call until it works, with growing pauses; accidents are repeated, refusals are raised as ours."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await call()
        except httpx.TransportError as error:
            if attempt == ATTEMPTS:
                raise StorageUnreachableError(
                    f"Storage does not answer: {type(error).__name__}.",
                    suggestion="Check SUPABASE_URL and that the server runs, then try again.",
                ) from error
        except StorageApiError as error:
            status = int(error.status)
            if status < 500 and status != 429:
                raise _refused(error, status, what) from error
            if attempt == ATTEMPTS:
                raise StorageUnreachableError(
                    f"Storage answers {what} with an error of its own: {status}.",
                    suggestion="It is tried again for a while. See what the storage service says in its log.",
                ) from error
        await asyncio.sleep(0.2 * 4 ** (attempt - 1))
    raise AssertionError("unreachable")


def _api_error(response: httpx.Response) -> StorageApiError:
    try:
        body = response.json()
        return StorageApiError(str(body["message"]), str(body["error"]), body["statusCode"])
    except (ValueError, KeyError, TypeError):
        return StorageApiError(response.text[:200], "InternalError", response.status_code)


def _refused(error: StorageApiError, status: int, what: str) -> Exception:
    if status == 404:
        return _missing(what)
    if status == 413:
        return ObjectTooLargeError(
            f"{what} is larger than its bucket allows.",
            suggestion="Use a smaller file, or raise the bucket's file_size_limit.",
        )
    return StorageRefusedError(
        f"Storage refused {what}: {error.message}",
        suggestion="Run `maquette db check`; it tests the key, the buckets and their policies.",
        status=status,
    )


def _missing(what: str) -> ObjectMissingError:
    return ObjectMissingError(
        f"There is no object {what}.",
        suggestion="It may have been deleted; run the step that made it again.",
    )
