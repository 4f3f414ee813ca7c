"""Files of an upload that have come to storage before it: found, fetched in bounded memory, removed once taken in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self
from uuid import UUID

from maquette.api.incoming import FormLimits, Received, telling_full_disk
from maquette.api.service import Service
from maquette.db import incoming
from maquette.db.rows import Row
from maquette.disk import MB
from maquette.errors import BadInputError, GoneError, MaquetteError, NotFoundError, WrongStateError
from maquette.recon.digest import sha256_of
from maquette.storage.buckets import PROJECT_UPLOADS
from maquette.storage.client import Objects
from maquette.storage.keys import incoming as incoming_key

log = logging.getLogger(__name__)


class IncomingNotFoundError(NotFoundError):
    """No such file was announced, or not by this owner."""

    code = "incoming_not_found"


class IncomingExpiredError(GoneError):
    """Its day is over."""

    code = "incoming_expired"

    @classmethod
    def told(cls) -> Self:
        """To whoever comes back too late."""
        return cls(
            "The incoming file was given up, or its day is over.",
            suggestion="Announce it again, without an Idempotency-Key of before, and send it anew.",
        )


class IncomingIncompleteError(WrongStateError):
    """Not all of it is in storage."""

    code = "incoming_incomplete"


class IncomingWrongSizeError(BadInputError):
    """Another number of bytes came than was announced."""

    code = "incoming_wrong_size"


class IncomingElsewhereError(WrongStateError):
    """The file was announced for another project."""

    code = "incoming_of_another_project"


def incoming_not_found(name: object) -> IncomingNotFoundError:
    """No such file, or not yours: the same answer."""
    return IncomingNotFoundError(
        f"There is no incoming file '{str(name)[:100]}'.",
        suggestion="Announce it with POST /api/v1/projects/{id}/incoming and send it by what that answers.",
    )


def named_in(received: Received) -> dict[int, UUID]:
    """The ids of the form's staged files, by place."""
    ids: dict[int, UUID] = {}
    for place, text in received.staged.items():
        try:
            ids[place] = UUID(text)
        except ValueError:
            raise incoming_not_found(text) from None
    return ids


async def find(service: Service, owner: UUID, received: Received, ids: Mapping[int, UUID]) -> dict[int, Row]:
    """Their rows, by place; gives the form their names, and their project where it names none.

    Raises ``incoming_not_found``, ``incoming_used`` for one that stands in the form twice, and
    ``incoming_of_another_project``.
    """
    async with service.transaction() as conn:
        rows = await incoming.of_owner(conn, owner, ids.values())
    found: dict[int, Row] = {}
    for place, incoming_id in ids.items():
        row = rows.get(incoming_id)
        if row is None:
            raise incoming_not_found(incoming_id)
        if row in found.values():
            raise incoming.used(incoming_id)
        project_id = received.fields.get("project_id") or str(row["project_id"])
        if project_id.lower() != str(row["project_id"]):
            raise IncomingElsewhereError(
                f"'{row['filename']}' was announced for another project.",
                suggestion="Upload it to the project it was announced for, or announce it for this one.",
                incoming=str(incoming_id),
                project_id=str(row["project_id"]),
            )
        received.fields["project_id"] = project_id
        received.filenames[place] = row["filename"]
        found[place] = row
    return found


async def fetch(
    service: Service, found: Mapping[int, Row], folder: Path, limits: FormLimits, already: int
) -> dict[int, str]:
    """Bring the files into the folder, each under its place; their SHA-256. ``already``: bytes that lie there.

    Raises ``incoming_used``, ``incoming_expired``, ``incoming_incomplete``, ``incoming_wrong_size`` and what a file
    that comes with the form is refused for.
    """
    for row in found.values():
        if row["run_id"]:
            raise incoming.used(row["id"], row["run_id"])
        if row["expired"]:
            raise IncomingExpiredError.told()
        limits.check_file(row["filename"], row["bytes"])
    if already + sum(row["bytes"] for row in found.values()) > limits.upload_mb * MB:
        raise limits.too_large()
    for row in found.values():
        await _check_size(service.objects, row)
    hashes = {}
    for place, row in found.items():
        await asyncio.to_thread(limits.room.check_disk)
        path = folder / f"{place:04d}"
        with telling_full_disk():
            await service.objects.download(PROJECT_UPLOADS, incoming_key(row["project_id"], row["id"]), path)
        hashes[place] = await asyncio.to_thread(sha256_of, path)
    return hashes


async def _check_size(objects: Objects, row: Row) -> None:
    size = await objects.size(PROJECT_UPLOADS, incoming_key(row["project_id"], row["id"]))
    if size is None:
        raise IncomingIncompleteError(
            f"'{row['filename']}' has not come whole yet.",
            suggestion="Send the rest of it; reading the incoming file gives a new token. Then repeat this call.",
            incoming=str(row["id"]),
            bytes=row["bytes"],
        )
    if size != row["bytes"]:
        # Nothing can be written over it, so it would stand in the way of the right one.
        await remove_staged(objects, [row])
        raise IncomingWrongSizeError(
            f"'{row['filename']}' came with {size} bytes where {row['bytes']} were announced.",
            suggestion="Send the file that was announced, by a new token, or announce this one.",
            incoming=str(row["id"]),
            bytes=row["bytes"],
            came=size,
        )


async def remove_staged(objects: Objects, rows: Iterable[Row]) -> None:
    """Take the files out of storage; those that are not there are no error."""
    await objects.remove(PROJECT_UPLOADS, [incoming_key(row["project_id"], row["id"]) for row in rows])


async def remove_taken(objects: Objects, rows: Iterable[Row]) -> None:
    """The same after they were taken in: where storage fails now, they go when their day is over."""
    taken = list(rows)
    if not taken:
        return
    try:
        await remove_staged(objects, taken)
    except MaquetteError as error:
        log.warning("%d incoming files stay in storage until their day is over: %s", len(taken), error.message)
