"""Whether the schema stands as ``maquette db migrate`` left it: nothing dropped, altered or opened by hand."""

from __future__ import annotations

from importlib import resources

from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow

from maquette.db.catalogue import Entries, declared_async, read_entries_async
from maquette.db.findings import MIGRATE, Finding, judge
from maquette.db.migrate import BUCKETS, QUEUE

BY_HAND = (
    "`maquette db migrate` does not undo this: put it back by hand as sql/migrations declares it, or restore a backup."
)
PARTS = (
    ("tables", ("table", "column", "constraint", "index"), "as the migrations made them", BY_HAND),
    ("functions", ("function", "view", "trigger"), "functions, views and triggers as declared", MIGRATE),
    ("policies", ("policy",), "each says what it should", MIGRATE),
    ("grants", ("grant",), "owners read, only the service writes", MIGRATE),
    ("publication", ("publication",), "followed tables are in supabase_realtime", MIGRATE),
    ("buckets", ("bucket",), "private, with limits", MIGRATE),
)
"""Findings: name, kinds of catalogue entries, words when well, advice where something is missing or altered."""

NO_SCHEMA = Finding("schema", "failure", "there is no schema storage", "Use the database of a Supabase project.")


async def check_schema(connection: AsyncConnection[DictRow]) -> list[Finding]:
    """One finding for each part, by comparing the database with what migrates wrote down."""
    try:
        live = await read_entries_async(connection, BUCKETS)
    except errors.UndefinedTable:
        return [NO_SCHEMA]
    wanted = await declared_async(connection)
    if wanted is None:
        return [Finding("schema", "failure", "nothing of it was declared here", MIGRATE)]
    ours = {name for kind, name in wanted if kind in ("table", "view", "function")}
    gone = {name for kind, name in wanted if kind == "table" and (kind, name) not in live}
    findings = [_row_security(live, wanted)]
    for what, kinds, well, advice in PARTS:
        lost = [
            f"{_say(kind, name)} {'was altered' if (kind, name) in live else 'is missing'}"
            for (kind, name), definition in wanted.items()
            if kind in kinds
            and (live.get((kind, name)) != definition if kind != "table" else name in gone)
            # A table that is gone is named once, not with all its columns.
            and (kind == "table" or name.partition(": ")[0] not in gone)
        ]
        added = [
            key
            for key in live.keys() - wanted.keys()
            if key[0] in kinds and key[0] in _MATTERS and key[1].partition(": ")[0] in ours
        ]
        cures = sorted(_cure(kind, name) for kind, name in added)
        wrong = [*lost, *(f"{_say(kind, name)} was added by hand" for kind, name in added)]
        findings.append(judge(what, wrong, well, " ".join([*([advice] if lost else []), *cures])))
    return [*findings, await _check_open_objects(connection), await _check_queue(connection)]


def _row_security(live: Entries, wanted: Entries) -> Finding:
    off = [
        f"off on {name}"
        for (kind, name), definition in wanted.items()
        if kind == "table" and live.get((kind, name), definition) != definition
    ]
    return judge("row security", off, "on everywhere")


def _say(kind: str, name: str) -> str:
    """``policy "Owners read their runs" on public.runs``, ``grant of select on runs to anon``."""
    relation, colon, rest = name.partition(": ")
    if kind == "grant":
        role, _, privilege = rest.partition(" ")
        return f"the right of {role} to {privilege} {relation.removeprefix('public.')}"
    if kind == "publication":
        return f"{name.removeprefix('public.')} in supabase_realtime"
    return f"{kind} {rest} of {relation.removeprefix('public.')}" if colon else f"{kind} {name.removeprefix('public.')}"


# People may have tables, indexes and storage policies of their own; whatever opens or changes ours matters.
_MATTERS = ("policy", "grant", "trigger")


def _cure(kind: str, name: str) -> str:
    relation, _, rest = name.partition(": ")
    if kind == "grant":
        role, _, privilege = rest.partition(" ")
        return f"Run: revoke {privilege} on {'function ' if '(' in relation else ''}{relation} from {role};"
    return f'Run: drop {kind} "{rest}" on {relation};'


async def _check_open_objects(connection: AsyncConnection[DictRow]) -> Finding:
    """Policies add up, so any other one on storage.objects may open our buckets. Asked by being a stranger."""
    wrong = []
    for role in ("anon", "authenticated"):
        async with connection.transaction(force_rollback=True):
            await connection.execute(f"set local role {role}".encode())
            await connection.execute(
                "select set_config('request.jwt.claims', json_build_object('sub', gen_random_uuid())::text, true)"
            )
            cursor = await connection.execute(
                "select distinct bucket_id from storage.objects where bucket_id = any(%s)", [list(BUCKETS)]
            )
            stranger = "anyone" if role == "anon" else "any user"
            wrong += [f"{stranger} can see objects in {row['bucket_id']}" for row in await cursor.fetchall()]
    return judge(
        "objects",
        wrong,
        "hidden from strangers",
        "A policy on storage.objects that is not Maquette's lets them: find it in pg_policies and drop or narrow it.",
    )


async def _check_queue(connection: AsyncConnection[DictRow]) -> Finding:
    found = await (
        await connection.execute("select to_regclass('jobs.procrastinate_jobs') is not null as there")
    ).fetchone()
    if not found or not found["there"]:
        return Finding("queue", "failure", "the schema jobs is missing", _QUEUE_GONE)
    rows = await (
        await connection.execute("select name from maquette.maquette_migrations where name like %s", [f"{QUEUE}%"])
    ).fetchall()
    applied = {row["name"].removeprefix(QUEUE) for row in rows}
    files = {
        file.name
        for file in (resources.files("procrastinate") / "sql" / "migrations").iterdir()
        if file.name.endswith(".sql")
    }
    if applied - files:
        return Finding(
            "queue", "failure", f"of a newer Procrastinate: {max(applied)}", "Install the newer Maquette here."
        )
    return judge("queue", (f"{name} is not applied" for name in files - applied), f"in schema jobs, at {max(files)}")


_QUEUE_GONE = (
    "Run: delete from maquette.maquette_migrations where name like 'procrastinate/%'; then `maquette db migrate`."
    " Waiting work is then put in line again by the workers."
)
