"""Bring a database to the state that the SQL files describe, in one transaction, as an ordinary role.

Files in ``migrations/`` run once each, in order, and never change afterwards. Files in ``functions/``, ``policies/``
and ``storage_policies/`` are re-declared whole on every run. The queue's tables follow Procrastinate's own files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow

from maquette.db import catalogue
from maquette.db.connection import connect
from maquette.errors import MaquetteError, WrongStateError

PACKAGE = Path(__file__).parents[1]
DECLARED = ("functions", "policies", "storage_policies")
QUEUE = "procrastinate/"
BUCKETS = ("3d-models", "depth-maps", "enhanced-views", "multiview-images", "processed-images", "project-uploads")
LOCK = 0x6D61_7175_6574_7465  # "maquette"
ATTEMPTS = 10

LEDGER: LiteralString = """
create schema if not exists maquette;
revoke all on schema maquette from public;
create table if not exists maquette.maquette_migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
alter table maquette.maquette_migrations enable row level security;
comment on table maquette.maquette_migrations is 'Which migrations ran on this database, and what was in them.';
create table if not exists maquette.catalogue (
    kind text not null,
    name text not null,
    definition text not null,
    primary key (kind, name)
);
alter table maquette.catalogue enable row level security;
comment on table maquette.catalogue is 'What migrates declared, for `maquette db check` to compare.';
"""
"""What ran here, and what it declared, in a schema that no client role can enter."""

NEEDED = ("auth.users", "storage.buckets", "storage.objects")
"""What a Supabase project brings along."""


class MigrationChangedError(MaquetteError):
    """A migration that ran here is not the file it was."""

    code = "migration_changed"


class MigrationFailedError(MaquetteError):
    """Postgres refused a statement of a file; nothing of the run was kept."""

    code = "migration_failed"


class NotSupabaseError(MaquetteError):
    """The database lacks what a Supabase project brings along."""

    code = "database_not_supabase"


class NewerDatabaseError(MaquetteError):
    """The database was migrated by a newer Maquette."""

    code = "database_newer"


class NotMigratedError(WrongStateError):
    """The database lacks migrations of this Maquette."""

    code = "database_not_migrated"


class QueueUnknownError(MaquetteError):
    """The queue's tables are there, but not made by us."""

    code = "queue_unknown"


@dataclass(frozen=True)
class MigrationReport:
    """What a run did: migrations it applied, files it re-declared."""

    applied: tuple[str, ...]
    redeclared: tuple[str, ...]


def sql_files(sql_root: Path | None, folder: str) -> list[Path]:
    """The files of one folder in order. ``sql_root`` None: those that came with the package."""
    if sql_root is None:
        root = PACKAGE / folder if folder == "storage_policies" else PACKAGE / "sql" / folder
    else:
        # In a checkout storage_policies stands beside sql.
        root = sql_root.parent / folder if folder == "storage_policies" else sql_root / folder
    return sorted(root.glob("*.sql"))


def migrate(database_url: str, sql_root: Path | None = None) -> MigrationReport:
    """Apply what is missing and re-declare the rest. Safe to run at any time, by several at once.

    Workers go on meanwhile, and each holds tables that this waits for: where one waits for this too, Postgres ends
    either of them, and whoever it was begins again.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            return _migrate(database_url, sql_root)
        except MigrationFailedError as error:
            if not left or not isinstance(error.__cause__, psycopg.errors.DeadlockDetected):
                raise
    raise AssertionError("unreachable")


def _migrate(database_url: str, sql_root: Path | None) -> MigrationReport:
    """All of it in one transaction."""
    with connect(database_url, "maquette-migrate") as connection:
        connection.add_notice_handler(lambda notice: None)
        # A table in use by a long transaction: say so after a minute instead of standing in everybody's way.
        connection.execute("set local lock_timeout = '60s'")
        connection.execute("set local client_min_messages = warning")
        _expect_supabase(connection)
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(LEDGER)
        done = {
            row["name"]: row["sha256"]
            for row in connection.execute("select name, sha256 from maquette.maquette_migrations").fetchall()
        }
        known, before = catalogue.declared(connection), catalogue.read_entries(connection, BUCKETS)
        if done and not known:
            before = {}  # migrated by a Maquette that wrote nothing down: what stands there is taken as declared
        applied = _apply_migrations(connection, sql_files(sql_root, "migrations"), done)
        declared = [path for folder in DECLARED for path in sql_files(sql_root, folder)]
        for path in declared:
            _run(connection, path.name, path.read_text())
        applied += _apply_queue(connection, done)
        catalogue.write_down(connection, known, before, catalogue.read_entries(connection, BUCKETS))
        return MigrationReport(tuple(applied), tuple(path.name for path in declared))


def expect_migrated(database_url: str) -> None:
    """``database_not_migrated`` where :func:`migrate` has migrations to apply."""
    with connect(database_url) as connection:
        [ledger] = connection.execute("select to_regclass('maquette.maquette_migrations') as name").fetchall()
        done = connection.execute("select name from maquette.maquette_migrations").fetchall() if ledger["name"] else []
    missing = {path.name for path in sql_files(None, "migrations")} - {row["name"] for row in done}
    if missing:
        raise NotMigratedError(
            f"The database lacks {'everything' if not done else ', '.join(sorted(missing))} of this Maquette.",
            suggestion="Run `maquette db migrate`, then start it again.",
        )


def _expect_supabase(connection: Connection[DictRow]) -> None:
    rows = connection.execute(
        "select n from unnest(%s::text[]) n where to_regclass(n) is null", [list(NEEDED)]
    ).fetchall()
    if rows:
        raise NotSupabaseError(
            f"This is not the database of a Supabase project: {' and '.join(row['n'] for row in rows)} missing.",
            suggestion="Set DATABASE_URL to a Supabase project's database, or unset the Supabase variables and"
            " DATABASE_URL to use the embedded one.",
        )


def _apply_migrations(connection: Connection[DictRow], files: list[Path], done: dict[str, str]) -> list[str]:
    applied = []
    unknown = sorted({name for name in done if not name.startswith(QUEUE)} - {path.name for path in files})
    if unknown:
        raise NewerDatabaseError(
            f"This database has migrations that this Maquette does not know: {', '.join(unknown)}.",
            suggestion="Install the newer Maquette that made them.",
        )
    for path in files:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.name not in done:
            _run(connection, path.name, path.read_text())
            _record(connection, path.name, sha256)
            applied.append(path.name)
        elif done[path.name] != sha256:
            raise MigrationChangedError(
                f"The migration {path.name} ran here with other contents than the file has now.",
                suggestion="Put the file back as it was and write the change as a new migration.",
            )
    return applied


def queue_migrations() -> list[Traversable]:
    """Procrastinate's own migrations in order."""
    folder = resources.files("procrastinate") / "sql" / "migrations"
    return sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)


def queue_schema() -> str:
    """What all of them come to."""
    return (resources.files("procrastinate") / "sql" / "schema.sql").read_text()


def _apply_queue(connection: Connection[DictRow], done: dict[str, str]) -> list[str]:
    """Procrastinate's tables, in the schema ``jobs``; its own migrations when its version moved on.

    Its schema.sql equals all its migrations, so a fresh database takes that and counts all as applied. Its
    ``post`` files may remove what older workers call: stop those before migrating.
    """
    migrations = queue_migrations()
    missing = [file for file in migrations if QUEUE + file.name not in done]
    if not missing:
        return []
    fresh = len(missing) == len(migrations)
    connection.execute("create schema if not exists jobs")
    connection.execute("revoke all on schema jobs from public")
    connection.execute("set local search_path = jobs")
    if fresh:
        found = connection.execute("select to_regclass('jobs.procrastinate_jobs') as found").fetchone()
        if found and found["found"]:
            raise QueueUnknownError(
                "The schema jobs holds Procrastinate tables that were not made by `maquette db migrate`.",
                suggestion="Move them to another schema, or drop the schema jobs if nothing in it is needed.",
            )
        _run(
            connection,
            "procrastinate schema.sql",
            queue_schema(),
        )
    for file in missing:
        text = file.read_text()
        if not fresh:
            _run(connection, QUEUE + file.name, text)
        _record(connection, QUEUE + file.name, hashlib.sha256(text.encode()).hexdigest())
    connection.execute("set local search_path to default")
    return [QUEUE + ("schema.sql" if fresh else file.name) for file in missing[: 1 if fresh else None]]


def _record(connection: Connection[DictRow], name: str, sha256: str) -> None:
    connection.execute("insert into maquette.maquette_migrations (name, sha256) values (%s, %s)", [name, sha256])


def _run(connection: Connection[DictRow], name: str, text: str) -> None:
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        position = error.diag.statement_position
        line = f", line {text[: int(position)].count(chr(10)) + 1}" if position else ""
        raise MigrationFailedError(
            f"{name}{line}: {error.diag.message_primary or error}",
            suggestion=error.diag.message_hint
            or "Nothing of this run was kept. Check that DATABASE_URL names the role postgres, and try again.",
            sqlstate=error.sqlstate,
        ) from error
