"""What stands in the database, as texts that can be compared, and what of it our migrations declared.

Each migrate writes down what it changed (``maquette.catalogue``), in the words of that very server, whose version
decides how it prints an expression. So a later check finds whatever was dropped, altered or added by hand, and no
list of tables has to be kept in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow

Entries = dict[tuple[str, str], str]
"""Definitions by kind and name."""

# Rows of (kind, name, definition). Names of things on a relation begin with the relation's and a colon.
SNAPSHOT: LiteralString = """
with relations as (
    select c.*, c.oid::regclass::text as called from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
      and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
), functions as (
    select p.*, p.oid::regprocedure::text as called from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
      and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
)
select 'table' as kind, called as name, format('row security %%s', relrowsecurity) as definition
from relations where relkind in ('r', 'p')
union all
select 'column', r.called || ': ' || a.attname, concat_ws(' ',
    pg_catalog.format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
    'default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid))
from relations r join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where r.relkind in ('r', 'p')
union all
select 'constraint', r.called || ': ' || c.conname, pg_catalog.pg_get_constraintdef(c.oid)
from relations r join pg_catalog.pg_constraint c on c.conrelid = r.oid where c.contype in ('p', 'u', 'f', 'c')
union all
select 'index', r.called || ': ' || i.relname, pg_catalog.pg_get_indexdef(i.oid)
from relations r join pg_catalog.pg_index x on x.indrelid = r.oid join pg_catalog.pg_class i on i.oid = x.indexrelid
union all
select 'view', called, concat_ws(' ', reloptions::text, pg_catalog.pg_get_viewdef(oid))
from relations where relkind = 'v'
union all
select 'trigger', r.called || ': ' || t.tgname, concat_ws(' ', t.tgenabled, pg_catalog.pg_get_triggerdef(t.oid))
from relations r join pg_catalog.pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
-- Realtime and others hang triggers of their own on tables.
join functions f on f.oid = t.tgfoid
union all
select 'function', called, concat_ws(' ', md5(prosrc), prosecdef, provolatile, proconfig::text,
    pg_catalog.pg_get_function_result(oid))
from functions
union all
select 'policy', format('%%s.%%s: %%s', schemaname, tablename, policyname),
    concat_ws(' ', permissive, cmd, roles::text, 'using', qual, 'check', with_check)
from pg_catalog.pg_policies
where schemaname = 'public' or schemaname = 'storage' and tablename in ('objects', 'buckets')
union all
select 'grant', format('%%s: %%s %%s', o.called, coalesce(g.rolname, 'public'), lower(a.privilege_type)), ''
from (
    select called, relacl as acl, 'r'::"char" as kind, relowner as owner from relations
    union all select called, proacl, 'f', proowner from functions
) o
cross join lateral pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.kind, o.owner))) a
left join pg_catalog.pg_roles g on g.oid = a.grantee
where a.grantee = 0 or g.rolname in ('anon', 'authenticated', 'service_role')
union all
select 'publication', format('public.%%s', tablename), '' from pg_catalog.pg_publication_tables
where pubname = 'supabase_realtime' and schemaname = 'public'
union all
select 'bucket', id, format('public %%s, at most %%s bytes of %%s', public, file_size_limit, allowed_mime_types)
from storage.buckets where id = any(%(buckets)s)
order by 1, 2
"""

# Names with their schemas, whatever the caller's own search path is, which comes back afterwards.
_PATH = "select set_config('search_path', %s, true), current_setting('search_path') as path"


def read_entries(connection: Connection[DictRow], buckets: tuple[str, ...]) -> Entries:
    """What stands in the database now."""
    with connection.transaction():
        [path] = connection.execute(_PATH, [""]).fetchall()
        rows = connection.execute(SNAPSHOT, {"buckets": list(buckets)}).fetchall()
        connection.execute(_PATH, [path["path"]])
    return _entries(rows)


async def read_entries_async(connection: AsyncConnection[DictRow], buckets: tuple[str, ...]) -> Entries:
    """As :func:`read_entries`, for async code."""
    async with connection.transaction():
        [path] = await (await connection.execute(_PATH, [""])).fetchall()
        rows = await (await connection.execute(SNAPSHOT, {"buckets": list(buckets)})).fetchall()
        await connection.execute(_PATH, [path["path"]])
    return _entries(rows)


def _entries(rows: list[DictRow]) -> Entries:
    return {(row["kind"], row["name"]): row["definition"] for row in rows}


def declared(connection: Connection[DictRow]) -> Entries:
    """What earlier migrates wrote down."""
    return _entries(connection.execute("select kind, name, definition from maquette.catalogue").fetchall())


async def declared_async(connection: AsyncConnection[DictRow]) -> Entries | None:
    """As :func:`declared`; None where no migrate has written anything down."""
    found = await (await connection.execute("select to_regclass('maquette.catalogue') as found")).fetchone()
    if found is None or found["found"] is None:
        return None
    cursor = await connection.execute("select kind, name, definition from maquette.catalogue")
    return _entries(await cursor.fetchall()) or None


def write_down(
    connection: Connection[DictRow], known: Mapping[tuple[str, str], str], before: Entries, after: Entries
) -> None:
    """Bring what is written down up to date with what this migrate changed, and with nothing else.

    Changes that somebody made by hand stand on both sides of a migrate, so they do not get in.
    """
    wanted = dict(known)
    for key in before.keys() | after.keys():
        # Buckets are declared whole each time, and may have been there before us.
        if before.get(key) == after.get(key) and key[0] != "bucket":
            continue
        if key in after:
            wanted[key] = after[key]
        else:
            wanted.pop(key, None)
    for kind, name in known.keys() - wanted.keys():
        connection.execute("delete from maquette.catalogue where kind = %s and name = %s", [kind, name])
    changed = [(*key, text) for key, text in wanted.items() if known.get(key) != text]
    if changed:
        connection.execute(
            "insert into maquette.catalogue (kind, name, definition)"
            " select * from unnest(%s::text[], %s::text[], %s::text[])"
            " on conflict (kind, name) do update set definition = excluded.definition",
            [list(column) for column in zip(*changed, strict=True)],
        )
