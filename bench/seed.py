"""Fills a database with projects as the steps would leave them, by SQL alone; benchmarks and plan tests share it.

Ids depend on nothing but the project's number, so a caller can name any row without asking for it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

SQL = Path(__file__).with_suffix(".sql")
BATCH = 250
"""Projects in one transaction."""


@dataclass(frozen=True)
class Size:
    """How much one project holds. Version 0 comes from generate, each later one from a refine run of one round."""

    photos: int
    """Also views and depth maps."""

    held_out: int
    versions: int
    enhanced: int
    """Enhanced views of each round."""

    exports: int
    events: int


FULL = Size(photos=64, held_out=8, versions=20, enhanced=8, exports=5, events=500)
"""A project that has been worked on for days: about 4,600 rows and 700 objects."""

SMALL = Size(photos=8, held_out=1, versions=3, enhanced=2, exports=1, events=40)
"""A project of one afternoon: about 250 rows and 60 objects."""

TINY = Size(photos=3, held_out=1, versions=2, enhanced=1, exports=1, events=6)
"""The least that has a row in every table."""


def seed_id(kind: str, project: int, number: int = 0) -> UUID:
    """As ``pg_temp.seed_id``: the id of a seeded row (kinds: project, owner, run, export, model, …)."""
    return UUID(md5(f"{kind} {project} {number}".encode(), usedforsecurity=False).hexdigest())


def fill(
    admin: psycopg.Connection[Any], projects: range, size: Size, *, owner: UUID | None = None, owners: int = 50
) -> None:
    """Insert projects with these numbers, all of one owner or spread over ``owners`` users, and analyze.

    ``admin`` is a superuser's connection in autocommit: triggers and foreign keys are off while it writes.
    """
    admin.execute("set session_replication_role = replica")
    admin.execute(SQL.read_bytes())
    for first in range(projects.start, projects.stop, BATCH):
        last = min(first + BATCH, projects.stop) - 1
        admin.execute(
            "select pg_temp.seed_projects(%s::int, %s::int, %s::uuid, %s::int,"
            " %s::int, %s::int, %s::int, %s::int, %s::int, %s::int)",
            [first, last, owner, owners, *astuple(size)],
        )
    admin.execute("reset session_replication_role")
    admin.execute("analyze")
