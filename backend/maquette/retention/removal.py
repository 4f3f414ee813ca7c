"""Deletes a project whole: its objects through the Storage API, then its rows."""

from __future__ import annotations

from uuid import UUID

from maquette.db import projects
from maquette.db.rows import Connection
from maquette.storage.buckets import BUCKETS
from maquette.storage.client import Objects
from maquette.storage.keys import project_prefix


async def delete_project(conn: Connection, objects: Objects, project_id: UUID, owner_id: UUID) -> None:
    """Hold the project's row lock in this transaction: it keeps new steps out until the rows are gone.

    Where Storage fails half way, the rows are still there, nothing is forgotten, and the call can be repeated.
    """
    # By prefix, not by rows: an attempt that was killed may have left objects that no row knows.
    for bucket in BUCKETS:
        await objects.remove_prefix(bucket, project_prefix(project_id))
    await projects.delete(conn, project_id, owner_id)
