"""What Postgres says of the published tables: columns, primary keys, and what each role may read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property

from maquette.db.connection import Pool
from maquette.embedded.callers import ROLES

Name = tuple[str, str]
"""Schema and table."""

_QUERY = """
select p.schemaname, p.tablename, c.oid::bigint as oid,
    (
        select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', a.attname, 'type', t.typname, 'oid', t.oid::bigint, 'enum', t.typtype = 'e',
            'roles', (
                select pg_catalog.jsonb_agg(r) from pg_catalog.unnest(%(roles)s::text[]) r
                where pg_catalog.has_schema_privilege(r, n.oid, 'USAGE')
                and pg_catalog.has_column_privilege(r, c.oid, a.attnum, 'SELECT')
            )
        ) order by a.attnum)
        from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    (
        select pg_catalog.jsonb_agg(a.attname order by k.place)
        from pg_catalog.pg_index i
        cross join lateral pg_catalog.unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary
    ) as key
from pg_catalog.pg_publication_tables p
join pg_catalog.pg_namespace n on n.nspname = p.schemaname
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = p.tablename and c.relkind = 'r'
where p.pubname = 'supabase_realtime'
"""


@dataclass(frozen=True)
class Column:
    """``type_name`` as in ``pg_type.typname``: int8, timestamptz, _text."""

    name: str
    type_name: str
    type_oid: int
    is_enum: bool
    roles: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """A published table. ``key`` names the primary key's columns in their order; empty where there is none."""

    name: Name
    oid: int
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by their name."""
        return {column.name: column for column in self.columns}

    def readable(self, role: str) -> tuple[Column, ...]:
        """The columns that a role may select."""
        return tuple(column for column in self.columns if role in column.roles)

    def key_readable(self, role: str) -> bool:
        """Whether a role may select the primary key."""
        return bool(self.key) and all(role in self.by_name[name].roles for name in self.key)

    def columns_json(self, role: str, select: frozenset[str] | None) -> str:
        """``[{"name", "type"}]`` of what a subscriber gets; the primary key always belongs to a selection."""
        told = [
            {"name": column.name, "type": column.type_name}
            for column in self.readable(role)
            if select is None or column.name in select or column.name in self.key
        ]
        return json.dumps(told)


class Catalogue:
    """Read once and kept until :meth:`forget`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tables: dict[Name, Table] | None = None
        self._age = 0

    def forget(self) -> None:
        """Something changed about tables or privileges: read again when next asked."""
        self._tables = None
        self._age += 1

    async def tables(self) -> dict[Name, Table]:
        """Every published table."""
        if self._tables is not None:
            return self._tables
        age = self._age
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_QUERY, {"roles": list(ROLES)})).fetchall()
        tables = {}
        for row in rows:
            columns = tuple(
                Column(one["name"], one["type"], one["oid"], one["enum"], frozenset(one["roles"] or ()))
                for one in row["columns"]
            )
            name = (row["schemaname"], row["tablename"])
            tables[name] = Table(name, row["oid"], columns, tuple(row["key"] or ()))
        if age == self._age:
            self._tables = tables
        return tables
