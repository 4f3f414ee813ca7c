"""Whether there is room for what a call asks for: on the disk, in the line, in its project and for its owner.

Asked before something new begins and never after: what is at work finishes, whatever it stores.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from maquette.api.service import Service
from maquette.db import usage
from maquette.db.rows import Connection
from maquette.disk import MB, disk_low
from maquette.errors import MaquetteError, TooLargeError, UnavailableError
from maquette.settings import Settings

LARGEST_SHOWN = 3


class DiskLowError(UnavailableError):
    """Less is free on the server's disk than what runs may need to finish."""

    code = "disk_low"
    retry_after_s = 300


class TooManyRunsError(UnavailableError):
    """The owner has as many unfinished runs as one may have."""

    code = "too_many_runs"
    retry_after_s = 60


class ProjectTooLargeError(TooLargeError):
    """A project's objects would be, or are, more bytes than one project may hold."""

    code = "project_too_large"


class StorageQuotaReachedError(TooLargeError):
    """An owner's objects would be, or are, more bytes than one owner may store."""

    code = "storage_quota_reached"


async def check_capacity(service: Service, conn: Connection, owner_id: UUID, project_id: UUID, step: str) -> None:
    """Let a new run of ``step`` in, or raise the first of :func:`capacity_problems`.

    Two calls of one owner at the same moment see each other's run: the second waits until the first is in line.
    """
    await holding_capacity(conn, owner_id)
    for problem in await capacity_problems(service, conn, owner_id, project_id, step):
        raise problem


async def holding_capacity(conn: Connection, owner_id: UUID) -> None:
    """Of an owner's calls that take up room, one at a time looks for it; held until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"maquette: capacity of {owner_id}"])


async def capacity_problems(
    service: Service, conn: Connection, owner_id: UUID, project_id: UUID, step: str
) -> list[MaquetteError]:
    """Everything that would keep a new run of ``step`` out now; nothing is changed."""
    settings = service.settings
    problems: list[MaquetteError] = []
    if await asyncio.to_thread(disk_low, settings):
        problems.append(_disk_low(f"The {step} was not put in line"))
    waiting = await usage.unfinished_runs(conn, owner_id)
    if waiting >= settings.max_runs_per_owner:
        problems.append(
            TooManyRunsError(
                f"You have {waiting} runs in line or at work; {settings.max_runs_per_owner} are allowed.",
                suggestion="Wait until some have finished, or cancel some; GET /api/v1/queue lists them.",
                unfinished=waiting,
                allowed=settings.max_runs_per_owner,
            )
        )
    # A step stores something, so it needs room for a byte at least; how much, only its end will tell.
    full = await _storage_problem(settings, conn, owner_id, project_id, adding=1)
    return [*problems, full] if full else problems


async def check_stored(
    settings: Settings, conn: Connection, owner_id: UUID, project_id: UUID | None, adding: int
) -> None:
    """Raise ``project_too_large`` or ``storage_quota_reached`` where so many bytes more are too many.

    ``project_id`` None: a project that is yet to be made, and empty.
    """
    full = await _storage_problem(settings, conn, owner_id, project_id, adding)
    if full is not None:
        raise full


@dataclass(frozen=True)
class Room:
    """What an upload may store, found before its body is read, and asked again while that streams in."""

    settings: Settings
    left_bytes: int | None = None
    """None: whatever the request may hold."""
    refusal: MaquetteError | None = None

    def check(self, size: int) -> None:
        """Refuse an upload of so many bytes where that is more than there is room for."""
        if self.refusal is not None and self.left_bytes is not None and size > self.left_bytes:
            raise self.refusal

    def check_disk(self) -> None:
        """Refuse to go on where the disk has sunk below its floor; call it off the event loop."""
        if disk_low(self.settings):
            raise _disk_low("The photos were not taken in")


async def room_for_upload(service: Service, owner_id: UUID, project_id: UUID | None) -> Room:
    """The room that an upload finds now; ``project_id`` None where it is not known before the form is read."""
    settings = service.settings
    if not settings.max_stored_mb_per_owner and (project_id is None or not settings.max_project_mb):
        return Room(settings)
    async with service.transaction() as conn:
        shelves = await _shelves(settings, conn, owner_id, project_id)
    fullest = min(shelves, key=lambda shelf: shelf.left_bytes)
    return Room(settings, fullest.left_bytes, fullest.refusal)


@dataclass(frozen=True)
class _Shelf:
    """Room for objects, of a project or of an owner, that has a limit."""

    left_bytes: int
    refusal: MaquetteError


async def _storage_problem(
    settings: Settings, conn: Connection, owner_id: UUID, project_id: UUID | None, adding: int
) -> MaquetteError | None:
    shelves = await _shelves(settings, conn, owner_id, project_id)
    return next((shelf.refusal for shelf in shelves if adding > shelf.left_bytes), None)


async def _shelves(settings: Settings, conn: Connection, owner_id: UUID, project_id: UUID | None) -> list[_Shelf]:
    shelves = []
    if settings.max_project_mb:
        used = await usage.project_bytes(conn, project_id, owner_id) if project_id else 0
        allowed = settings.max_project_mb * MB
        full = ProjectTooLargeError(
            f"This project holds {used / MB:.0f} MB of the {allowed // MB} MB that a project may, and this needs more.",
            suggestion="Go on in a new project, with fewer or smaller photos.",
            used_bytes=used,
            allowed_bytes=allowed,
        )
        shelves.append(_Shelf(allowed - used, full))
    if settings.max_stored_mb_per_owner:
        used, allowed = await usage.owner_bytes(conn, owner_id), settings.max_stored_mb_per_owner * MB
        largest = await usage.largest_projects(conn, owner_id, LARGEST_SHOWN)
        reached = StorageQuotaReachedError(
            f"Your projects hold {used / MB:.0f} MB of the {allowed // MB} MB that you may store, and this needs more.",
            suggestion="Delete projects that you no longer need with DELETE /api/v1/projects/{id}; `details` names the"
            " largest.",
            used_bytes=used,
            allowed_bytes=allowed,
            largest=[{**row, "project_id": str(row["project_id"])} for row in largest],
        )
        shelves.append(_Shelf(allowed - used, reached))
    return shelves


def _disk_low(what: str) -> DiskLowError:
    return DiskLowError(
        f"{what}: too little is free on the server's disk.",
        suggestion="Try again later; whoever runs the server makes room by deleting projects or other files.",
    )
