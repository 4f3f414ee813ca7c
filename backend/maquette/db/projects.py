"""Projects. Every read names the owner: another owner's project is not found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.types.json import Jsonb

from maquette.db.rows import Connection, Row, fetch_one, insert
from maquette.errors import MaquetteError, NotFoundError


class ProjectNotFoundError(NotFoundError):
    """No such project, or not yours."""

    code = "project_not_found"


class OwnerGoneError(MaquetteError):
    """A token outlives the user it was given to; without an account nobody owns anything."""

    code = "owner_gone"
    status = 401


def not_found(project_id: UUID) -> ProjectNotFoundError:
    """What is raised for a project that is not there, or another owner's."""
    return ProjectNotFoundError(
        f"There is no project {project_id}.",
        suggestion="Check the id with GET /api/v1/projects, or create a project with POST /api/v1/projects.",
    )


async def create(conn: Connection, owner_id: UUID, name: str, **values: Any) -> Row:
    """Insert an empty project; ``values``: other columns of one that was imported. ``owner_gone`` where there is no
    such user any more.
    """
    try:
        return await insert(conn, "projects", {"owner_id": owner_id, "name": name, **values})
    except errors.ForeignKeyViolation:
        raise OwnerGoneError(
            "The account behind this token no longer exists.", suggestion="Sign in with an account that exists."
        ) from None


async def get(conn: Connection, project_id: UUID, owner_id: UUID, *, lock: bool = False) -> Row:
    """The owner's project; ``lock`` holds its row until the transaction ends. ``project_not_found`` otherwise."""
    row = await fetch_one(
        conn,
        "select * from public.projects where id = %s and owner_id = %s for no key update"
        if lock
        else "select * from public.projects where id = %s and owner_id = %s",
        [project_id, owner_id],
    )
    if row is None:
        raise not_found(project_id)
    return row


async def change(conn: Connection, project_id: UUID, owner_id: UUID, **given: Any) -> Row:
    """Write what is given of ``name`` and ``start_camera``; the rest stays."""
    camera = given.get("start_camera")
    row = await fetch_one(
        conn,
        "update public.projects set name = coalesce(%(name)s, name), updated_at = now(),"
        " start_camera = case when %(chosen)s then %(camera)s::jsonb else start_camera end"
        " where id = %(project)s and owner_id = %(owner)s returning *",
        {
            "name": given.get("name"),
            "chosen": "start_camera" in given,
            "camera": None if camera is None else Jsonb(camera),
            "project": project_id,
            "owner": owner_id,
        },
    )
    if row is None:
        raise not_found(project_id)
    return row


async def delete(conn: Connection, project_id: UUID, owner_id: UUID) -> None:
    """Delete the project with all its rows; its objects are the caller's to delete first, through Storage."""
    row = await fetch_one(
        conn,
        "delete from public.projects where id = %s and owner_id = %s returning id",
        [project_id, owner_id],
    )
    if row is None:
        raise not_found(project_id)
    # There is no event of it, so nothing else wakes those who watch the project.
    await conn.execute(
        "select pg_notify('maquette_events', json_build_object('project_id', %s::uuid)::text)", [project_id]
    )
