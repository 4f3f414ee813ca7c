"""What one project leaves behind and asks for on the way: rows, events, bytes, statements and connections.

    python -m bench.footprint PHOTOS [--photos 8] [--presets fastest balanced]

Each preset goes through upload, generate, one round of refine and an export as .splat, on an API of its own (in this
process, with an embedded Postgres of its own) and one `maquette worker` in its process, on the memory and cores that
there are. Rows are those with the project's id, by table; their bytes are those of the values (`pg_column_size`), and
"with indexes" is what all tables and indexes have grown by, in pages of 8 kB. Objects are those of the buckets.
Statements are counted in Postgres's own log (bench.stack) while a step runs, those that the API makes of watching it
(one call a second) among them. Prints tables, judges nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from bench.reads import answering
from bench.stack import Counted, counted_stack
from psycopg import sql

from maquette.api.owners import LOCAL_OWNER
from maquette.settings import Settings

REFINE = {"num_iterations": 1, "convergence_threshold": 0}


@contextmanager
def worker(counted: Counted) -> Iterator[None]:
    """A `maquette worker` as on another machine, once it has registered."""
    told = counted.connections
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "MAQUETTE_HOME": home,
            "MAQUETTE_LOG_LEVEL": "warning",
            "SUPABASE_URL": told.supabase_url,
            "SUPABASE_SECRET_KEY": told.secret_key,
            "SUPABASE_PUBLISHABLE_KEY": told.publishable_key,
            "DATABASE_URL": told.database_url,
        }
        process = subprocess.Popen([sys.executable, "-m", "maquette.cli", "worker"], env=environment)
        try:
            while not (counted.admin.execute("select count(*) from public.workers").fetchone() or [0])[0]:
                if process.poll() is not None:
                    raise RuntimeError("the worker ended")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(30)


def step(client: httpx.Client, counted: Counted, name: str, project: str, body: dict[str, Any]) -> str:
    """Run a step to its end; a line of the table."""
    most: Counter[str] = Counter()
    with counted.counting() as windows:
        began = time.monotonic()
        run = client.post(f"/{name}/{project}", json=body).raise_for_status().json()["run_id"]
        while True:
            most |= counted.most_held(1)
            now = client.get(f"/runs/{run}").raise_for_status().json()
            if now["status"] not in ("queued", "running"):
                break
        seconds = time.monotonic() - began
    if now["status"] != "completed":
        raise RuntimeError(f"{name}: {now['error']}")
    [window] = windows
    statements = {"worker and API": window.statements["maquette"], "queue": window.statements["maquette queue"]}
    storage = window.statements["maquette-storage"]
    figures = (
        f"{seconds:.0f}",
        f"{sum(statements.values()) / window.seconds:.1f} ({', '.join(f'{k} {v}' for k, v in statements.items())})",
        f"{storage}",
        f"{window.transactions / window.seconds:.1f}",
        f"{window.cores:.3f}",
        ", ".join(f"{application} {count}" for application, count in sorted(most.items())),
    )
    return f"| {name} | " + " | ".join(figures) + " |"


def rows_of(counted: Counted, project: str) -> dict[str, tuple[int, int]]:
    """Rows and the bytes of their values, by table, of all tables that name a project."""
    admin, found = counted.admin, {}
    tables = admin.execute(
        "select c.table_schema, c.table_name from information_schema.columns c join information_schema.tables t"
        " using (table_schema, table_name) where t.table_type = 'BASE TABLE' and c.column_name = 'project_id'"
        " and c.table_schema in ('public', 'maquette') order by 1, 2"
    ).fetchall()
    for schema, table in [*tables, ("public", "projects")]:
        column = "id" if table == "projects" else "project_id"
        query = sql.SQL("select count(*), coalesce(sum(pg_column_size(t.*)), 0) from {} t where {} = %s").format(
            sql.Identifier(schema, table), sql.Identifier(column)
        )
        found[table] = admin.execute(query, [project]).fetchone()
    found["storage.objects"] = admin.execute(
        "select count(*), coalesce(sum(pg_column_size(o.*)), 0) from storage.objects o where name like %s",
        [f"{project}/%"],
    ).fetchone()
    inputs = (
        "select count(*), coalesce(sum(pg_column_size(i.*)), 0) from public.artifact_inputs i"
        " join public.artifacts a on a.id = i.artifact_id where a.project_id = %s"
    )
    found["artifact_inputs"] = admin.execute(inputs, [project]).fetchone()
    return {name: (int(row[0]), int(row[1])) for name, row in found.items() if row and row[0]}


def size(counted: Counted) -> int:
    """Bytes of all tables with their indexes."""
    row = counted.admin.execute(
        "select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname in ('public', 'maquette', 'storage', 'jobs')"
    ).fetchone()
    assert row is not None
    return int(row[0])


def show_project(counted: Counted, project: str, grown: int) -> None:
    """Rows and objects of one project."""
    rows = rows_of(counted, project)
    total, values = (sum(one[place] for one in rows.values()) for place in (0, 1))
    print(
        f"\nrows {total}, events {rows['events'][0]}, values {values / 1e3:.0f} kB, with indexes {grown / 1e3:.0f} kB"
    )
    print("; ".join(f"{name} {count} ({held / 1e3:.1f} kB)" for name, (count, held) in sorted(rows.items())))
    buckets = counted.admin.execute(
        "select bucket, count(*), sum(bytes) from public.artifacts where project_id = %s and removed_at is null"
        " group by 1 order by 1",
        [project],
    ).fetchall()
    print("objects: " + "; ".join(f"{name} {count} ({float(held) / 1e6:.2f} MB)" for name, count, held in buckets))
    print(
        f"in all {sum(b[1] for b in buckets)} objects, {float(sum(b[2] for b in buckets)) / 1e6:.2f} MB\n", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--presets", nargs="+", default=["fastest", "balanced"])
    options = parser.parse_args()
    photos = sorted(options.folder.iterdir())
    photos = photos[:: max(1, len(photos) // options.photos)][: options.photos]
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, {len(photos)} photos, owner {LOCAL_OWNER}")
    with counted_stack(200) as counted:
        settings: Settings = counted.settings
        with answering(settings, counted.connections), worker(counted):
            client = httpx.Client(base_url=f"{settings.server_url}/api/v1", timeout=600, trust_env=False)
            time.sleep(5)
            print(f"connections of an API and a worker at rest: {dict(counted.held())}")
            for preset in options.presets:
                before = size(counted)
                files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in photos]
                project = client.post("/upload", files=files).raise_for_status().json()["project_id"]
                print(f"\n{preset}, load {os.getloadavg()[0]:.2f}")
                print("| step | s | statements/s | of storage | transactions/s | Postgres cores | most connections |")
                print("|---|---|---|---|---|---|---|", flush=True)
                for name, body in (
                    ("generate", {"preset": preset}),
                    ("refine", REFINE),
                    ("export", {"format": "splat"}),
                ):
                    print(step(client, counted, name, project, body), flush=True)
                show_project(counted, project, size(counted) - before)
    print(f"load {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
