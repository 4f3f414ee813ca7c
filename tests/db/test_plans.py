"""No read that a user can ask for may read a growing table from end to end, or other people's rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from bench.reads import Statement, browser_reads, explain, service_reads
from bench.seed import FULL, TINY, fill
from tests.ports import free_port

from maquette.api.owners import LOCAL_OWNER
from maquette.db.history import SAMPLES
from maquette.db.migrate import migrate
from maquette.embedded.compat import prepare_database
from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN
from maquette.settings import Settings

MINE = range(2)
OTHERS = range(2, 1000)
BIG = 900
"""Rows from which on a table counts as one that grows."""


@dataclass(frozen=True)
class Filled:
    admin: psycopg.Connection[Any]
    statements: list[Statement]
    growing: frozenset[str]


@pytest.fixture(scope="module")
def filled(stack: Any) -> Iterator[Filled]:
    """A database of its own with many people's projects, and every statement that reads of mine send."""
    name = "plans"
    secrets = load_secrets(stack.home)
    server = {"host": "127.0.0.1", "port": stack.postgres.port, "user": ADMIN, "password": secrets.admin_password}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as postgres:
        postgres.execute(f"create database {name}")
        try:
            prepare_database(stack.postgres.port, secrets.admin_password, secrets.database_password, name)
            url = urlsplit(stack.connections.database_url)._replace(path=f"/{name}").geturl()
            migrate(url)
            with (
                psycopg.connect(**server, dbname=name, autocommit=True) as admin,
                tempfile.TemporaryDirectory(prefix="maquette-plans-") as home,
            ):
                fill(admin, MINE, FULL, owner=LOCAL_OWNER)
                fill(admin, OTHERS, TINY, owners=200)
                settings = Settings(home=Path(home), port=free_port(), database_url=None)
                connections = replace(stack.connections, database_url=url, supabase_url=settings.server_url)
                statements = service_reads(settings, connections, 1, FULL) + browser_reads(admin, 1, LOCAL_OWNER)
                grown = admin.execute("select relname from pg_class where reltuples > %s and relkind = 'r'", [BIG])
                yield Filled(admin, statements, frozenset(row[0] for row in grown))
        finally:
            postgres.execute(f"drop database {name} with (force)")


def test_every_record_has_grown(filled: Filled) -> None:
    assert {
        "projects",
        "runs",
        "events",
        "artifacts",
        "artifact_inputs",
        "refinement_metrics",
        "objects",
    } <= filled.growing
    assert len(filled.growing) >= 14


def test_statements_of_every_part_were_collected(filled: Filled) -> None:
    names = {statement.name for statement in filled.statements}
    for part in (
        "GET /status/{project_id}",
        "GET /projects/{project_id}/metrics",
        # Reads the line as GET /queue does, and is asked before it.
        "GET /export/{project_id}",
        "storage sign as user",
    ):
        assert part in names, sorted(names)
    assert len(filled.statements) > 50


def test_no_read_goes_through_a_whole_table(filled: Filled) -> None:
    through = {
        (one.name, one.role): tables
        for one in filled.statements
        if (tables := explain(filled.admin, one).sequential & filled.growing)
    }
    assert through == {}


def test_no_read_looks_at_other_peoples_rows(filled: Filled) -> None:
    """The reader's two projects are about 9,000 rows, of which no read needs half; other people have 100,000."""
    touched = {(one.name, one.role): explain(filled.admin, one).touched for one in filled.statements}
    # It comes by every ancestor once for each way there.
    assert touched.pop(("artifact_lineage", "authenticated")) < 15000
    assert {name: rows for name, rows in touched.items() if rows > 4000} == {}


def test_history_is_read_from_its_index_newest_first(filled: Filled) -> None:
    """Two thousand runs of two kinds, of which it wants a hundred each."""
    kinds = ["generate/balanced", "refine/none/balanced/480px"]
    asked = Statement("history", SAMPLES, [kinds])
    assert filled.admin.execute("select count(*) from runs where workload = any(%s)", [kinds]).fetchone() > (1900,)
    assert "runs_history_idx" in str(filled.admin.execute(f"explain {SAMPLES}".encode(), [kinds]).fetchall())
    plan = explain(filled.admin, asked)
    assert not plan.sequential & filled.growing and plan.touched <= 200 + len(kinds)
