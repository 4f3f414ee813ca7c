"""Reads all rows of a project for a bundle, and writes those of a bundle as a project of another owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import errors, sql
from psycopg.types.json import Jsonb

from maquette.db import projects
from maquette.db.bundle_tables import TABLES, Table
from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.errors import BadInputError

Rows = dict[str, list[Row]]

_OTHERS = sql.SQL(
    "select r.id from public.runs r where r.project_id = %(project)s and r.step = 'export'"
    " and r.parameters ->> 'format' = 'bundle'"
)
"""Bundles do not hold bundles: each would be twice as large as the one before."""
_WHERE: Mapping[str, sql.Composable] = {
    "runs": sql.SQL("t.project_id = %(project)s and t.id not in ({})").format(_OTHERS),
    # Unfinished work could be gone on from only by the run that left it; what it looked like is of no more use.
    "artifacts": sql.SQL(
        "t.project_id = %(project)s and t.kind not in ('saved_work', 'training_preview')"
        " and (t.run_id is null or t.run_id not in ({}))"
    ).format(_OTHERS),
    "artifact_inputs": sql.SQL(
        "exists (select from public.artifacts a where a.id = t.artifact_id and a.project_id = %(project)s"
        " and a.kind not in ('saved_work', 'training_preview') and (a.run_id is null or a.run_id not in ({})))"
        " and exists (select from public.artifacts a where a.id = t.input_artifact_id"
        " and a.kind not in ('saved_work', 'training_preview')"
        " and (a.run_id is null or a.run_id not in ({})))"
    ).format(_OTHERS, _OTHERS),
    "export_history": sql.SQL("t.project_id = %(project)s and t.run_id not in ({})").format(_OTHERS),
}
_ANY_OF_PROJECT = sql.SQL("t.project_id = %(project)s")


class BundleRowsRefusedError(BadInputError):
    """Rows of a bundle contradict each other, or what the database allows."""

    code = "bundle_unreadable"


async def project_row(conn: Connection, project_id: UUID) -> Row:
    """What of the project's own row travels."""
    row = await fetch_one(
        conn,
        "select to_jsonb(p) as row from (select id, name, capture, start_camera, created_at from public.projects"
        " where id = %s) p",
        [project_id],
    )
    if row is None:
        raise projects.not_found(project_id)
    told: Row = row["row"]
    return told


async def read_tables(conn: Connection, project_id: UUID) -> Rows:
    """All rows that travel, by table, as JSON has them. One statement, hence one moment, whatever others write."""
    parts = [
        sql.SQL(
            "select {name} as of_table, to_jsonb(t) - {left_out}::text[] as row from {table} t where {where}"
        ).format(
            name=sql.Literal(table.name),
            left_out=sql.Literal([*table.left_out, "project_id"]),
            table=sql.Identifier("public", table.name),
            where=_WHERE.get(table.name, _ANY_OF_PROJECT),
        )
        for table in TABLES
    ]
    cursor = await conn.execute(sql.SQL(" union all ").join(parts), {"project": project_id})
    found: Rows = {table.name: [] for table in TABLES}
    async for row in cursor:
        found[row["of_table"]].append(row["row"])
    for rows in found.values():
        rows.sort(
            key=lambda row: [str(row.get(name) or "") for name in ("created_at", "queued_at", "id", "artifact_id")]
        )
    return found


async def columns(conn: Connection) -> dict[str, set[str]]:
    """The columns that rows of each table may have here."""
    rows = await fetch_all(
        conn,
        "select c.relname as name, array_agg(a.attname::text) as columns from pg_catalog.pg_class c"
        " join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " where c.relnamespace = 'public'::regnamespace and c.relname = any(%s) group by c.relname",
        [[table.name for table in TABLES]],
    )
    left_out = {table.name: table.left_out for table in TABLES}
    return {row["name"]: set(row["columns"]) - left_out[row["name"]] - {"project_id"} for row in rows}


async def newest_migration(conn: Connection) -> str:
    """The schema that rows have here."""
    row = await fetch_one(
        conn, "select max(name) as name from maquette.maquette_migrations where name not like 'procrastinate/%%'", []
    )
    return str(row["name"]) if row and row["name"] else ""


async def state_of(conn: Connection, project_id: UUID) -> str:
    """A digest that changes whenever a bundle of the project would hold something else."""
    row = await fetch_one(
        conn,
        "select encode(sha256(convert_to(concat_ws(' ', p.name, p.start_camera,"
        " (select string_agg(a.id::text || (a.removed_at is null)::text, ',' order by a.id) from public.artifacts a"
        "   where a.project_id = p.id and a.kind not in ('saved_work', 'training_preview')"
        "    and not exists (select from public.runs r"
        "    where r.id = a.run_id and r.step = 'export' and r.parameters ->> 'format' = 'bundle')),"
        " (select string_agg(r.id::text || r.status, ',' order by r.id) from public.runs r"
        "   where r.project_id = p.id and not (r.step = 'export' and r.parameters ->> 'format' = 'bundle')),"
        " (select max(m.version) from public.gaussian_splat_models m where m.project_id = p.id and m.promoted)"
        "), 'UTF8')), 'hex') as digest from public.projects p where p.id = %s",
        [project_id],
    )
    if row is None:
        raise projects.not_found(project_id)
    return str(row["digest"])


async def write_tables(
    conn: Connection, owner_id: UUID, project: Mapping[str, Any], tables: Mapping[str, Sequence[Row]], told: Row
) -> Row:
    """Insert a project and all its rows, which have the ids that they shall have, and one event that tells of it.

    ``project``: columns of its own row. Raises ``bundle_unreadable`` where the database refuses a row.
    """
    # The triggers that tell of runs and versions would tell of each as if it happened now.
    await conn.execute("select set_config('maquette.importing', 'on', true)")
    made = await projects.create(conn, owner_id, **project)
    try:
        for table in TABLES:
            await _write(conn, table, made["id"], tables.get(table.name, ()))
    except (errors.IntegrityError, errors.DataError) as refused:
        name = refused.diag.constraint_name or refused.diag.column_name or refused.diag.sqlstate
        raise BundleRowsRefusedError(
            f"The bundle cannot be read: its rows contradict each other ({name}).",
            suggestion="Send the file as the export wrote it; if it was changed on its way, export it again.",
            reason=str(name),
        ) from refused
    await conn.execute("select set_config('maquette.importing', '', true)")
    await conn.execute("select public.append_event(%s, null, 'imported', %s)", [made["id"], Jsonb(told)])
    return await projects.get(conn, made["id"], owner_id)


async def _write(conn: Connection, table: Table, project_id: UUID, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = [*rows[0], *(["project_id"] if table.has_id else [])]
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    whole = [{**row, "project_id": str(project_id)} for row in rows] if table.has_id else list(rows)
    await conn.execute(
        sql.SQL("insert into {table} ({names}) select {names} from jsonb_populate_recordset(null::{table}, %s)").format(
            table=sql.Identifier("public", table.name), names=listed
        ),
        [Jsonb(whole)],
    )
