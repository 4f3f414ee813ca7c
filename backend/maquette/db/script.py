"""``maquette db sql``: what a migrate does, as one text for the SQL editor of a Supabase project.

Made of the same files each time, so nothing has to be kept in step. It brings any database to the same state as
:func:`maquette.db.migrate.migrate` (tests/db/test_script.py holds both against each other), ledger and catalogue
included, so that a migrate afterwards finds nothing to do. Only a queue of an older Procrastinate is left to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from textwrap import dedent, indent

from maquette import __version__
from maquette.db.catalogue import SNAPSHOT
from maquette.db.migrate import (
    BUCKETS,
    DECLARED,
    LEDGER,
    LOCK,
    NEEDED,
    QUEUE,
    queue_migrations,
    queue_schema,
    sql_files,
)

BLOCK, FILE = "$maquette_block$", "$maquette_file$"
"""How the outer and the inner text are quoted; neither may stand in a file."""


def script() -> str:
    """All of it, one transaction that can be run as often as one likes."""
    return "\n\n".join(part.strip() for part in _parts()) + "\n"


def _parts() -> Iterator[str]:
    yield dedent(f"""
        -- Maquette {__version__}: tables, functions, row security, buckets, storage policies, Realtime and the queue.
        -- Made by `maquette db sql`. Run it in the SQL editor of a Supabase project, or by psql, as role postgres.
        -- One transaction: all of it is done, or nothing. Safe to run again, also on a database of an older Maquette.
        -- Policies are dropped and made anew, which the editor may warn of; no row and no table is ever removed.

        begin;
        set local lock_timeout = '60s';
        set local client_min_messages = warning;
    """)
    yield _refuse(
        f"select string_agg(n, ' and ') from unnest({_array(NEEDED)}) n where to_regclass(n) is null",
        "This is not the database of a Supabase project: % missing.",
    )
    yield f"select pg_advisory_xact_lock({LOCK});"
    yield LEDGER
    migrations = sql_files(None, "migrations")
    yield _refuse(
        "select string_agg(name, ', ') from maquette.maquette_migrations"
        f" where name not like '{QUEUE}%' and name <> all ({_array(path.name for path in migrations)})",
        "This database has migrations that this Maquette does not know: %. Install the newer Maquette that made them.",
    )
    yield _photograph("maquette_before")
    # As migrate: what a Maquette made that wrote nothing down is taken as declared.
    yield dedent("""
        delete from pg_temp.maquette_before where exists (select from maquette.maquette_migrations)
        and not exists (select from maquette.catalogue);
    """)
    for path in migrations:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        yield _refuse(
            f"select name from maquette.maquette_migrations where name = {_text(path.name)} and sha256 <> '{sha256}'",
            "The migration % ran here with other contents than it has now.",
        )
        yield _once(path.name, f"name = {_text(path.name)}", path.read_text(), {path.name: sha256})
    for folder in DECLARED:
        for path in sql_files(None, folder):
            yield f"-- {path.name}\n{path.read_text()}"
    yield from _queue()
    yield _photograph("maquette_after")
    yield dedent("""
        delete from maquette.catalogue c using pg_temp.maquette_before b where (b.kind, b.name) = (c.kind, c.name)
        and not exists (select from pg_temp.maquette_after a where (a.kind, a.name) = (c.kind, c.name));
        insert into maquette.catalogue (kind, name, definition)
        select a.kind, a.name, a.definition
        from pg_temp.maquette_after a left join pg_temp.maquette_before b using (kind, name)
        where a.definition is distinct from b.definition or a.kind = 'bucket'
        on conflict (kind, name) do update set definition = excluded.definition;

        commit;
    """)
    yield f"select 'The schema of Maquette {__version__} is up to date.' as maquette;"


def _queue() -> Iterator[str]:
    files = {QUEUE + file.name: hashlib.sha256(file.read_text().encode()).hexdigest() for file in queue_migrations()}
    ours = f"from maquette.maquette_migrations where name like '{QUEUE}%'"
    yield _refuse(
        f"select 'jobs' where to_regclass('jobs.procrastinate_jobs') is not null and not exists (select {ours})",
        "The schema % holds Procrastinate tables that were not made by Maquette. Move them to another schema.",
    )
    yield _refuse(
        f"select string_agg(n, ', ') from unnest({_array(files)}) n where exists (select {ours})"
        " and n not in (select name from maquette.maquette_migrations)",
        "The queue lacks %. Stop the workers and run `maquette db migrate`.",
    )
    yield "create schema if not exists jobs;\nrevoke all on schema jobs from public;\nset local search_path = jobs;"
    yield _once("procrastinate/schema.sql", f"name like '{QUEUE}%'", queue_schema(), files)
    yield "set local search_path to default;"


def _photograph(table: str) -> str:
    """The catalogue as it stands, names with their schemas."""
    entries = SNAPSHOT % {"buckets": _array(BUCKETS)}
    return (
        f"set local search_path = '';\ncreate temporary table {table} on commit drop as {entries.strip()};\n"
        "set local search_path to default;"
    )


def _refuse(query: str, message: str) -> str:
    """Stop where the query gives a text, which stands for the per cent sign of the message."""
    return (
        f"do {BLOCK}\ndeclare\n    found text := ({query});\nbegin\n    if found is not null then\n"
        f"        raise exception {_text(message)}, found;\n    end if;\nend\n{BLOCK};"
    )


def _once(name: str, done: str, text: str, recorded: dict[str, str]) -> str:
    """A file that runs unless the ledger says it did, and what the ledger says then."""
    for quote in (BLOCK, FILE):
        if quote in text:
            raise ValueError(f"{name} holds {quote}, which quotes it")
    rows = ",\n".join(f"({_text(one)}, '{sha256}')" for one, sha256 in recorded.items())
    return (
        f"-- {name}\ndo {BLOCK}\nbegin\n    if exists (select from maquette.maquette_migrations where {done}) then\n"
        f"        return;\n    end if;\n    execute {FILE}\n{text}{FILE};\n"
        f"    insert into maquette.maquette_migrations (name, sha256) values\n{indent(rows, '    ')};\nend\n{BLOCK};"
    )


def _array(values: Iterable[str]) -> str:
    return f"array[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
