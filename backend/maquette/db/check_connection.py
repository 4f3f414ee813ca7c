"""How the database is reached, as whom, and whether both sides agree on the time."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

from maquette.db.connection import connect_async, is_transaction_pooler
from maquette.db.findings import MIGRATE, Finding, judge
from maquette.db.migrate import sql_files

OLDEST_POSTGRES = 15
LARGEST_SKEW_S = 30.0
LISTEN_TIMEOUT_S = 2.0

_PATIENCE = "Use the session pooler or the direct connection (port 5432) in DATABASE_URL."


@dataclass(frozen=True)
class Line:
    """What two connections to one address were found to do."""

    keeps_session: bool
    hears: bool


async def try_line(database_url: str) -> Line:
    """Find out by trying whether sessions are ours alone and whether LISTEN hears; poolers stand at any port."""
    word, channel = uuid.uuid4().hex, f"maquette_check_{uuid.uuid4().hex[:8]}"
    async with (
        await connect_async(database_url, "maquette-check") as first,
        await connect_async(database_url, "maquette-check") as second,
    ):
        for connection in (first, second):
            connection.prepare_threshold = None
            await connection.set_autocommit(True)
        await first.execute("select set_config('maquette.probe', %s, false)", [word])
        await first.execute(f"listen {channel}".encode())
        async with second.transaction():
            # A transaction pooler lends this one the server session that was just set; the first gets another.
            await second.execute("select 1")
            cursor = await first.execute("select current_setting('maquette.probe', true) as word")
            row = await cursor.fetchone()
        keeps = row is not None and row["word"] == word
        await second.execute(f"notify {channel}".encode())
        heard = [notice async for notice in first.notifies(timeout=LISTEN_TIMEOUT_S, stop_after=1)]
        if not keeps:
            # The session goes back to the pooler: leave nothing of ours in it.
            await first.execute("unlisten *")
            await first.execute("reset maquette.probe")
        return Line(keeps, bool(heard))


async def check_connection(connection: AsyncConnection[DictRow], database_url: str) -> Finding:
    """Direct, session pooler or transaction pooler, and a Postgres that is new enough."""
    version = connection.info.server_version // 10000
    if version < OLDEST_POSTGRES:
        return Finding(
            "connection", "failure", f"Postgres {version}", f"Upgrade it to Postgres {OLDEST_POSTGRES} or newer."
        )
    try:
        line = await try_line(database_url)
    except (psycopg.Error, OSError) as error:
        return Finding("connection", "failure", f"lost while looking: {type(error).__name__}", "Try again.")
    known = is_transaction_pooler(database_url)
    if known or not line.keeps_session:
        return Finding(
            "connection",
            # Our connections do without prepared statements only where the port tells them to.
            "warning" if known else "failure",
            f"Postgres {version} through a transaction pooler"
            + (
                ": no LISTEN, so steps start and pages learn of news about a second late"
                if known
                else " at a port other than 6543: prepared statements and LISTEN break"
            ),
            _PATIENCE,
        )
    if not line.hears:
        return Finding(
            "connection", "warning", f"Postgres {version}: LISTEN hears nothing, so steps start late", _PATIENCE
        )
    return Finding("connection", "ok", f"Postgres {version}, {_kind(str(conninfo_to_dict(database_url).get('host')))}")


def _kind(host: str) -> str:
    if host.endswith(".pooler.supabase.com"):
        return "session pooler"
    if re.fullmatch(r"db\.\w+\.supabase\.co", host):
        return "direct connection (over IPv6, which not every network has; the session pooler has IPv4)"
    return "direct connection or session pooler"


def unreachable_advice(database_url: str, suggestion: str) -> str:
    """The advice for an address that does not answer."""
    host = str(conninfo_to_dict(database_url).get("host"))
    if re.fullmatch(r"db\.\w+\.supabase\.co", host):
        return f"{suggestion} This address has IPv6 only: without IPv6 take the session pooler's, under Connect."
    return suggestion


async def check_clock(connection: AsyncConnection[DictRow], clock: Callable[[], float]) -> Finding:
    """Tokens and signed addresses expire by one clock and are made by the other."""
    loop = asyncio.get_running_loop()
    sent, before = clock(), loop.time()
    row = await (await connection.execute("select extract(epoch from clock_timestamp())::float8 as now")).fetchone()
    here = sent + (loop.time() - before) / 2
    skew_s = float(row["now"]) - here if row else 0.0
    if abs(skew_s) <= LARGEST_SKEW_S:
        return Finding("clock", "ok", f"within {max(1, round(abs(skew_s)))} s of the database's")
    return Finding(
        "clock",
        "warning",
        f"this machine is {abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} the database",
        "Set this machine's clock (NTP); tokens would be refused as expired or not yet valid.",
    )


async def check_role(connection: AsyncConnection[DictRow]) -> Finding:
    """The service's role sees every row and may act as each client role."""
    found = await connection.execute(
        "select rolname, rolsuper, rolbypassrls from pg_catalog.pg_roles where rolname = current_user"
    )
    [role] = await found.fetchall()
    wrong = []
    if not role["rolbypassrls"] and not role["rolsuper"]:
        wrong.append(f"{role['rolname']} is under row security itself and would see no rows")
    rows = await connection.execute(
        "select r from unnest(array['anon', 'authenticated', 'service_role']) r"
        " where to_regrole(r) is null or not pg_has_role(current_user, to_regrole(r), 'member')"
    )
    wrong += [f"no right to act as {row['r']}" for row in await rows.fetchall()]
    return judge("role", wrong, str(role["rolname"]), "Use the role postgres of your project in DATABASE_URL.")


async def check_migrations(connection: AsyncConnection[DictRow]) -> Finding:
    """Every file of this Maquette ran here as it is, and none of a newer one."""
    row = await (
        await connection.execute("select to_regclass('maquette.maquette_migrations') is not null as there")
    ).fetchone()
    if not row or not row["there"]:
        return Finding("migrations", "failure", "none applied", MIGRATE)
    rows = await (await connection.execute("select name, sha256 from maquette.maquette_migrations")).fetchall()
    applied = {row["name"]: row["sha256"] for row in rows if not row["name"].startswith("procrastinate/")}
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sql_files(None, "migrations")}
    if newer := sorted(applied.keys() - files.keys()):
        return Finding(
            "migrations", "failure", f"of a newer Maquette: {', '.join(newer)}", "Install the newer Maquette here."
        )
    changed = [f"{name} ran with other contents" for name in applied if applied[name] != files[name]]
    if changed:
        advice = "Install the Maquette that made this database, or restore its migration files."
        return judge("migrations", changed, "", advice)
    return judge(
        "migrations", (f"{name} is not applied" for name in files.keys() - applied.keys()), f"{len(files)} applied"
    )
