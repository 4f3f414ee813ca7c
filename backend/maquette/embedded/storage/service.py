"""What every route needs: who may come in, the database, the files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg.rows import DictRow
from starlette.requests import Request

from maquette.db.connection import Pool
from maquette.embedded.storage.callers import Caller, Keys, identify
from maquette.embedded.storage.faults import invalid_request, no_such_bucket
from maquette.embedded.storage.files import FileStore
from maquette.embedded.storage.partials import Partials

if TYPE_CHECKING:
    from maquette.embedded.storage.holds import Holds


@dataclass(frozen=True)
class Service:
    """Held by the app for as long as it lives."""

    keys: Keys
    pool: Pool
    files: FileStore
    partials: Partials
    holds: Holds

    def caller(self, request: Request) -> Caller:
        """Who asks."""
        return identify(request, self.keys)

    async def bucket(self, name: str) -> DictRow:
        """A bucket, seen with the service's eyes; a fault where there is none."""
        async with self.pool.connection() as connection:
            found = await connection.execute("select * from storage.buckets where id = %s", [name])
            row = await found.fetchone()
        if row is None:
            raise no_such_bucket()
        return row


def service_of(request: Request) -> Service:
    """The service behind a request."""
    service: Service = request.app.state.service
    return service


def wire_time(value: datetime | None) -> str | None:
    """A time as Supabase writes it: UTC, milliseconds, Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


async def json_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object; storage never needs more than a megabyte of that."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > 1 << 20:
            raise invalid_request("The request body is too large")
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise invalid_request("The request body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid_request("The request body must be an object")
    return body


def text_field(body: dict[str, Any], name: str) -> str:
    """A string of the body that must be there."""
    value = body.get(name)
    if not isinstance(value, str) or not _storable(value):
        raise invalid_request(f"body must have required property '{name}'")
    return value


def _storable(text: str) -> bool:
    """Whether Postgres can hold it: no zero byte, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def seconds_field(body: dict[str, Any], name: str) -> int:
    """A positive number of seconds; storage3 sends it as a string."""
    value = body.get(name)
    try:
        seconds = int(value) if isinstance(value, int | str) else 0
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3_153_600_000:
        raise invalid_request(f"body/{name} must be a positive number of seconds")
    return seconds
