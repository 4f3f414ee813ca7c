"""``maquette db check``: is everything there that the service needs, and only that, and what to do where not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import httpx
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

from maquette.db.connection import DatabaseUnreachableError, connect_async, is_transaction_pooler
from maquette.db.migrate import sql_files
from maquette.settings import Connections

TABLES = (
    "artifact_inputs",
    "artifacts",
    "depth_maps",
    "enhanced_views",
    "enhancement_iterations",
    "eval_sets",
    "events",
    "export_history",
    "gaussian_splat_models",
    "multiview_generation",
    "projects",
    "refinement_metrics",
    "runs",
    "share_links",
    "source_images",
)
FOLLOWED = ("events", "gaussian_splat_models", "projects", "refinement_metrics", "runs")
BUCKETS = ("3d-models", "depth-maps", "enhanced-views", "multiview-images", "processed-images", "project-uploads")
MIGRATE = "Run `maquette db migrate`."


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``advice`` says how to mend it and is empty where it is well."""

    what: str
    ok: bool
    found: str
    advice: str = ""


async def check(connections: Connections) -> list[Finding]:
    """Look at everything that can be looked at; without a database, only at storage."""
    try:
        connection = await connect_async(connections.database_url, "maquette-check")
    except DatabaseUnreachableError as error:
        return [Finding("connection", False, error.message, error.suggestion), *await _check_storage(connections)]
    async with connection:
        return [
            await _check_connection(connection, connections.database_url),
            await _check_role(connection),
            await _check_migrations(connection),
            await _check_tables(connection),
            await _check_row_security(connection),
            await _check_policies(connection),
            await _check_grants(connection),
            await _check_buckets(connection),
            await _check_publication(connection),
            await _check_queue(connection),
            *await _check_storage(connections),
        ]


def _finding(what: str, wrong: Iterable[str], well: str, advice: str = MIGRATE) -> Finding:
    """Well when nothing is wrong; else a list of what is."""
    problems = sorted(wrong)
    return Finding(what, not problems, "; ".join(problems) or well, advice if problems else "")


async def _column(connection: AsyncConnection[DictRow], query: str, *parameters: object) -> set[str]:
    rows = await (await connection.execute(query.encode(), parameters)).fetchall()
    return {str(next(iter(row.values()))) for row in rows}


async def _check_connection(connection: AsyncConnection[DictRow], database_url: str) -> Finding:
    where = conninfo_to_dict(database_url)
    version = connection.info.server_version // 10000
    if is_transaction_pooler(database_url):
        return Finding(
            "connection",
            False,
            f"Postgres {version} through the transaction pooler (port 6543): no LISTEN, so work starts late",
            "Use the session pooler or the direct connection (port 5432) in DATABASE_URL.",
        )
    kind = "session pooler" if "pooler." in str(where.get("host", "")) else "direct connection"
    return Finding(
        "connection",
        version >= 15,
        f"Postgres {version}, {kind}",
        "" if version >= 15 else "Upgrade the database to Postgres 15 or newer.",
    )


async def _check_role(connection: AsyncConnection[DictRow]) -> Finding:
    found = await connection.execute(
        "select rolname, rolsuper, rolbypassrls from pg_catalog.pg_roles where rolname = current_user"
    )
    [role] = await found.fetchall()
    wrong = []
    if not role["rolbypassrls"] and not role["rolsuper"]:
        wrong.append(f"{role['rolname']} is under row security itself and would see no rows")
    members = await _column(
        connection,
        "select r from unnest(array['anon', 'authenticated', 'service_role']) r"
        " where to_regrole(r) is null or not pg_has_role(current_user, to_regrole(r), 'member')",
    )
    wrong += [f"no right to act as {name}" for name in members]
    return _finding("role", wrong, str(role["rolname"]), "Use the role postgres of your project in DATABASE_URL.")


async def _check_migrations(connection: AsyncConnection[DictRow]) -> Finding:
    if not await _column(connection, "select 1 where to_regclass('maquette.maquette_migrations') is not null"):
        return Finding("migrations", False, "none applied", MIGRATE)
    rows = await (await connection.execute("select name, sha256 from maquette.maquette_migrations")).fetchall()
    applied = {row["name"]: row["sha256"] for row in rows}
    wrong = []
    files = sql_files(None, "migrations")
    for path in files:
        if path.name not in applied:
            wrong.append(f"{path.name} is not applied")
        elif applied[path.name] != hashlib.sha256(path.read_bytes()).hexdigest():
            wrong.append(f"{path.name} ran with other contents")
    return _finding("migrations", wrong, f"{len(files)} applied")


async def _check_tables(connection: AsyncConnection[DictRow]) -> Finding:
    there = await _column(
        connection,
        "select tablename from pg_catalog.pg_tables where schemaname = 'public' and tablename = any(%s)",
        list(TABLES),
    )
    return _finding("tables", (f"{name} is missing" for name in set(TABLES) - there), f"all {len(TABLES)}")


async def _check_row_security(connection: AsyncConnection[DictRow]) -> Finding:
    off = await _column(
        connection,
        "select relname from pg_catalog.pg_class where relnamespace = 'public'::regnamespace"
        " and relname = any(%s) and not relrowsecurity",
        list(TABLES),
    )
    return _finding("row security", (f"off on {name}" for name in off), "on everywhere")


async def _check_policies(connection: AsyncConnection[DictRow]) -> Finding:
    there = await _column(
        connection,
        "select tablename from pg_catalog.pg_policies where schemaname = 'public' and cmd = 'SELECT'"
        " and roles = '{authenticated}'",
    )
    wrong = [f"{name} has no policy for its owners" for name in set(TABLES) - there]
    storage = await _column(
        connection,
        "select coalesce(qual, '') from pg_catalog.pg_policies where schemaname = 'storage' and tablename = 'objects'",
    )
    wrong += [f"bucket {name} has no policy" for name in BUCKETS if not any(f"'{name}'" in one for one in storage)]
    return _finding("policies", wrong, f"{len(TABLES)} tables, {len(BUCKETS)} buckets")


async def _check_grants(connection: AsyncConnection[DictRow]) -> Finding:
    """Owners read, nobody signed in writes, anon reaches nothing, the service everything."""
    wrong = await _column(
        connection,
        """
        with held as (
            select t.relname as name, r.role, p.privilege, has_table_privilege(r.role, t.oid, p.privilege) as held
            from pg_catalog.pg_class t,
                unnest(array['anon', 'authenticated', 'service_role']) r (role),
                unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p (privilege)
            where t.relnamespace = 'public'::regnamespace and t.relname = any(%s) and to_regrole(r.role) is not null
        ), due as (
            select *, role = 'service_role' and privilege <> 'TRUNCATE'
                or role = 'authenticated' and privilege = 'SELECT' as wanted
            from held
        )
        select role || case when held then ' may ' else ' may not ' end || lower(privilege) || ' ' || name
        from due where held <> wanted and not (role = 'service_role' and held)
        """,
        list(TABLES),
    )
    return _finding("grants", wrong, "owners read, only the service writes")


async def _check_buckets(connection: AsyncConnection[DictRow]) -> Finding:
    if not await _column(connection, "select 1 where to_regclass('storage.buckets') is not null"):
        return Finding("buckets", False, "there is no schema storage", "Use the database of a Supabase project.")
    rows = await (await connection.execute("select id, public from storage.buckets")).fetchall()
    there = {row["id"]: row["public"] for row in rows}
    wrong = [f"{name} is missing" for name in BUCKETS if name not in there]
    wrong += [f"{name} is public" for name in BUCKETS if there.get(name)]
    return _finding("buckets", wrong, f"all {len(BUCKETS)}, private")


async def _check_publication(connection: AsyncConnection[DictRow]) -> Finding:
    there = await _column(
        connection,
        "select tablename from pg_catalog.pg_publication_tables"
        " where pubname = 'supabase_realtime' and schemaname = 'public'",
    )
    wrong = [f"{name} is not in supabase_realtime" for name in set(FOLLOWED) - there]
    return _finding("publication", wrong, f"{len(FOLLOWED)} tables can be followed live")


async def _check_queue(connection: AsyncConnection[DictRow]) -> Finding:
    there = await _column(connection, "select 1 where to_regclass('jobs.procrastinate_jobs') is not null")
    return _finding("queue", () if there else ["the schema jobs is missing"], "in schema jobs")


async def _check_storage(connections: Connections) -> list[Finding]:
    url = f"{connections.supabase_url}/storage/v1/bucket"
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=not connections.embedded) as http:
            answers = {
                name: await http.get(url, headers={"apikey": key, "Authorization": f"Bearer {key}"})
                for name, key in (("secret", connections.secret_key), ("publishable", connections.publishable_key))
            }
    except httpx.HTTPError as error:
        advice = "Start `maquette serve`." if connections.embedded else "Check SUPABASE_URL."
        return [Finding("storage", False, f"does not answer ({type(error).__name__})", advice)]
    secret, publishable = answers["secret"], answers["publishable"]
    seen = {bucket["id"] for bucket in secret.json()} if secret.is_success else set()
    shown = {bucket["id"] for bucket in publishable.json()} if publishable.is_success else set()
    return [
        _finding(
            "secret key",
            () if set(BUCKETS) <= seen else [f"storage answers {secret.status_code} and shows {len(seen)} buckets"],
            "sees all buckets",
            "Set SUPABASE_SECRET_KEY to the project's secret (or service_role) key, and SUPABASE_URL to its address.",
        ),
        _finding(
            "publishable key",
            [f"{name} is shown to anyone" for name in shown & set(BUCKETS)]
            if publishable.is_success
            else [f"storage answers {publishable.status_code}"],
            "sees none",
            "Set SUPABASE_PUBLISHABLE_KEY to the project's publishable (or anon) key, never to a secret one.",
        ),
    ]
