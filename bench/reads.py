"""The statements behind every read that a user can ask for, collected by asking, and what Postgres does for them.

The service's are noted while a real API answers each GET route there is, and storage as the service and as a signed-in
user. A browser's are those that PostgREST would send: every table and view by project, and the lists without any.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt
import psycopg
import uvicorn
from bench.seed import Size, seed_id
from psycopg import AsyncConnection, sql

from maquette.api.app import create_app
from maquette.api.owners import LOCAL_OWNER
from maquette.settings import Connections, Settings

STORED = "multiview-images"


@dataclass(frozen=True)
class Statement:
    """One SQL statement with the role and the claims it runs under."""

    name: str
    query: str
    parameters: Any = None
    role: str = "postgres"
    claims: str = "{}"


@dataclass(frozen=True)
class Plan:
    """What a statement cost."""

    milliseconds: float
    touched: int
    """Rows that scans returned or threw away: what grows when a read looks at other people's rows."""

    sequential: frozenset[str]
    """Tables that were read from end to end."""


@contextmanager
def noting() -> Iterator[list[Statement]]:
    """Every statement that any asynchronous connection of this process executes; ``name`` is for the caller to set."""
    noted: list[Statement] = []
    roles: dict[int, tuple[str, str]] = {}
    execute = AsyncConnection.execute

    async def note(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.as_string(self) if isinstance(query, sql.Composable) else str(query)
        if "set_config('role'" in text:
            roles[id(self)] = params[0], params[1]
        elif text.lstrip().lower().startswith(("select", "with")):
            noted.append(Statement("", text, params, *roles.get(id(self), ("postgres", "{}"))))
        return await execute(self, query, params, **options)

    AsyncConnection.execute = note  # type: ignore[assignment, method-assign]
    try:
        yield noted
    finally:
        AsyncConnection.execute = execute  # type: ignore[method-assign]


@contextmanager
def answering(settings: Settings, connections: Connections) -> Iterator[None]:
    """The API at ``connections.supabase_url``, in a thread of this process."""
    config = uvicorn.Config(create_app(settings, connections), port=settings.port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the API did not start")
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def service_reads(settings: Settings, connections: Connections, number: int, size: Size) -> list[Statement]:
    """What the API and storage ask for the local owner's seeded project of this number; each statement once."""
    project = seed_id("project", number)
    known = {
        "project_id": project,
        "run_id": seed_id("run", number, 2),
        "version": size.versions - 1,
        "export_id": seed_id("exported", number, 1),
    }
    token = jwt.encode(
        {"role": "authenticated", "sub": str(LOCAL_OWNER), "exp": time.time() + 600}, str(connections.jwt_secret)
    )
    path = f"{project}/{seed_id('run', number, 1)}/views"
    found: dict[tuple[str, str], Statement] = {}
    with noting() as noted, answering(settings, connections):
        client = httpx.Client(base_url=connections.supabase_url, trust_env=False, timeout=60)

        def ask(name: str, method: str, address: str, **options: Any) -> httpx.Response:
            noted.clear()
            answer = client.request(method, address, **options)
            for one in noted:
                named = Statement(name, one.query, one.parameters, one.role, one.claims)
                found.setdefault((one.query, one.role), named)
            return answer

        with client:
            routes = ask("", "GET", "/api/v1/openapi.json").json()["paths"]
            for route in sorted(route for route, methods in routes.items() if "get" in methods):
                address = route
                for parameter in [part[1:-1] for part in route.split("/") if part.startswith("{")]:
                    address = address.replace(f"{{{parameter}}}", str(known.get(parameter, UUID(int=1))))
                answer = ask(f"GET {route.removeprefix('/api/v1')}", "GET", address, params={"limit": 2, "wait": 0})
                cursor = answer.json().get("next") if answer.status_code == 200 else None
                if cursor is not None:
                    ask(f"GET {route.removeprefix('/api/v1')}", "GET", address, params={"cursor": cursor})
            for who, key in (("service", connections.secret_key), ("user", token)):
                headers = {"authorization": f"Bearer {key}", "apikey": key}
                objects = f"/storage/v1/object/{{}}/{STORED}"
                ask(f"storage list as {who}", "POST", objects.format("list"), headers=headers, json={"prefix": path})
                ask(
                    f"storage sign as {who}",
                    "POST",
                    objects.format("sign"),
                    headers=headers,
                    json={"expiresIn": 60, "paths": [f"{path}/{n:04d}.jpg" for n in range(size.photos)]},
                )
                ask(
                    f"storage read as {who}",
                    "GET",
                    f"{objects.format('authenticated')}/{path}/0000.jpg",
                    headers=headers,
                )
    return list(found.values())


def browser_reads(admin: psycopg.Connection[Any], number: int, owner: UUID) -> list[Statement]:
    """What PostgREST would ask as a signed-in owner of the seeded project of this number."""
    project, claims = seed_id("project", number), json.dumps({"sub": str(owner), "role": "authenticated"})
    tables = admin.execute(
        "select c.relname, array_agg(a.attname::text) from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0"
        " and has_table_privilege('authenticated', c.oid, 'select') group by 1 order by 1"
    ).fetchall()
    made: list[Statement] = []

    def add(name: str, query: str, *parameters: Any) -> None:
        made.append(Statement(name, query, list(parameters), "authenticated", claims))

    for table, columns in tables:
        rows = sql.SQL("select * from public.{}").format(sql.Identifier(table)).as_string(admin)
        if "project_id" in columns:
            add(f"{table} of a project", f"{rows} where project_id = %s", project)
        # An edge belongs to an artifact: nobody lists edges without one, and its policy is made for lineage.
        if table != "artifact_inputs":
            add(f"{table}, all of mine", f"{rows} limit 1000")
    add("projects, newest first", "select * from public.projects order by created_at desc limit 20")
    add("runs, newest first", "select * from public.runs order by queued_at desc limit 20")
    add("events after", "select * from public.events where project_id = %s and seq > 3 order by seq limit 500", project)
    export = seed_id("export", number, 1)
    add("inputs of an artifact", "select * from public.artifact_inputs where artifact_id = %s", export)
    add("artifact_lineage", "select * from public.artifact_lineage(%s)", export)
    return made


def explain(admin: psycopg.Connection[Any], statement: Statement, *, times: int = 1) -> Plan:
    """Run the statement under its role and roll back; the median time of so many."""
    taken: list[float] = []
    zero: Counter[str] = Counter()
    with admin.transaction(force_rollback=True):
        before = _counted(admin)
        admin.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            [statement.role, statement.claims],
        )
        for _ in range(times):
            row = admin.execute(
                f"explain (analyze, timing off, format json) {statement.query}".encode(), statement.parameters
            ).fetchone()
            assert row is not None
            top = row[0][0]
            taken.append(top["Planning Time"] + top["Execution Time"])
        admin.execute("select set_config('role', 'none', true)")
        counted = {table: now - before.get(table, zero) for table, now in _counted(admin).items()}
    nodes = list(_nodes(top["Plan"]))
    scans = [node for node in nodes if "Relation Name" in node]
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck", "Actual Rows")
    planned = sum(sum(node.get(name, 0) for name in removed) * node["Actual Loops"] for node in scans)
    return Plan(
        sorted(taken)[times // 2],
        max(round(planned), sum(counts["rows"] for counts in counted.values()) // times),
        frozenset(node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan")
        | {table for table, counts in counted.items() if counts["sequential"]},
    )


def _counted(admin: psycopg.Connection[Any]) -> dict[str, Counter[str]]:
    """What this session has read of each table: the plans inside functions are hidden, what they read is not."""
    rows = admin.execute(
        "select relname, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
    ).fetchall()
    return {str(table): Counter(sequential=scans, rows=int(read)) for table, scans, read in rows}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
