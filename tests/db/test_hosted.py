"""Migrate and check under the rules of hosted Supabase (WIRE.md): schemas that others own, a role that is no superuser.

Hosted lets that role write policies on storage.objects by a server extension. Here it is a member of the owner for
that, and an event trigger refuses everything that the extension would not have allowed.
"""

import uuid
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.db.databases import admin_of

from maquette.db.check import check
from maquette.db.check_schema import check_schema
from maquette.db.connection import connect_async
from maquette.db.migrate import MigrationFailedError, NotSupabaseError, migrate
from maquette.embedded.compat import SQL

OWNERS = {"auth": "supabase_auth_admin", "storage": "supabase_storage_admin", "realtime": "supabase_realtime_admin"}

GUARD = """
create schema guard;
create function guard.changed() returns event_trigger language plpgsql as $$
declare
    made record;
begin
    for made in select * from pg_event_trigger_ddl_commands() loop
        if (made.schema_name in ('auth', 'storage', 'realtime')
                or made.object_identity ~ ' on (auth|storage|realtime)\\.')
            and not (made.command_tag in ('CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER')
                     and made.object_identity ~ ' on storage\\.(objects|buckets)$') then
            raise exception 'hosted forbids % %', made.command_tag, made.object_identity;
        end if;
    end loop;
end $$;
create function guard.dropped() returns event_trigger language plpgsql as $$
declare
    gone record;
begin
    for gone in select * from pg_event_trigger_dropped_objects() where original loop
        if (gone.schema_name in ('auth', 'storage', 'realtime')
                or gone.object_identity ~ ' on (auth|storage|realtime)\\.')
            and gone.object_type not in ('policy', 'trigger') then
            raise exception 'hosted forbids to drop % %', gone.object_type, gone.object_identity;
        end if;
    end loop;
end $$;
create event trigger guard_changed on ddl_command_end execute function guard.changed();
create event trigger guard_dropped on sql_drop execute function guard.dropped();
"""

EVERYTHING_TO_EVERYBODY = """
alter default privileges for role {role} in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role {role} in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role {role} in schema public grant all on sequences to anon, authenticated, service_role;
"""


@contextmanager
def hosted_database(stack, grants):
    """The address of a database as hosted makes it, as a role that owns none of its schemas."""
    name = f"hosted_{uuid.uuid4().hex[:10]}"
    with admin_of(stack) as server:
        for owner in OWNERS.values():
            if not server.execute("select 1 from pg_roles where rolname = %s", [owner]).fetchone():
                server.execute(f"create role {owner} nologin")
        server.execute(f"create role {name} nosuperuser createdb createrole bypassrls login password 'hosted'")
        server.execute(f"grant anon, authenticated, service_role, supabase_storage_admin to {name}")
        server.execute(f"create database {name}")
        try:
            with admin_of(stack, name) as database:
                for path in sorted(SQL.glob("00[234]0_*.sql")):
                    database.execute(path.read_bytes())
                for schema, owner in OWNERS.items():
                    database.execute(f"alter schema {schema} owner to {owner}")
                    database.execute(f"grant usage on schema {schema} to {name}")
                database.execute(f"alter table auth.users owner to {OWNERS['auth']}")
                database.execute(f"grant select, insert, update, delete, references on auth.users to {name}")
                database.execute(f"grant all on storage.buckets, storage.objects to {name}")
                database.execute(f"grant all on schema public to {name}")
                database.execute(f"grant create on database {name} to {name}")
                database.execute(f"alter publication supabase_realtime owner to {name}")
                if grants == "automatic":
                    database.execute(EVERYTHING_TO_EVERYBODY.format(role=name))
                database.execute(GUARD)
            where = urlsplit(stack.connections.database_url)
            yield where._replace(netloc=f"{name}:hosted@127.0.0.1:{where.port}", path=f"/{name}").geturl()
        finally:
            server.execute(f"drop database if exists {name} with (force)")
            server.execute(f"drop role {name}")


@pytest.fixture(params=["automatic", "explicit"])
def hosted(stack, request):
    """As projects were until 2026-10-30, with rights for everybody by default, and as they are since."""
    with hosted_database(stack, request.param) as url:
        yield url


def run(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_the_guard_refuses_what_hosted_forbids(stack):
    """Or the tests below would prove nothing."""
    with hosted_database(stack, "explicit") as url:
        run(url, "create policy p on storage.objects for select to anon using (false)")
        for statement in (
            "create table storage.mine (id int)",
            "create index mine on storage.objects (name)",
            "alter table storage.objects enable row level security",
            "create function storage.mine() returns int language sql as 'select 1'",
            "comment on policy p on storage.objects is 'x'",
            "drop index storage.bucketid_objname",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="hosted forbids"):
                run(url, statement)
        for schema in ("auth", "realtime"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run(url, f"create table {schema}.mine (id int)")


async def test_migrate_twice_then_all_is_well(hosted, storage):
    role = psycopg.conninfo.conninfo_to_dict(hosted)["user"]
    with psycopg.connect(hosted) as connection:
        assert connection.execute("select rolsuper from pg_roles where rolname = %s", [role]).fetchone() == (False,)
    first, second = migrate(hosted), migrate(hosted)
    assert first.applied and second.applied == ()
    # The service beside it is another database's; everything that the database itself can say is well.
    findings = await check(replace(storage, database_url=hosted))
    assert {finding.what for finding in findings if finding.level != "ok"} == {"storage"}


RIGHTS = """
select c.relname || ' ' || r || ' ' || p from pg_class c,
    unnest(array['anon', 'authenticated']) r,
    unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
  and has_table_privilege(r, c.oid, p) and (r, p) <> ('authenticated', 'select')
union all
select p.proname || ' ' || r from pg_proc p, unnest(array['anon', 'authenticated']) r
where p.pronamespace = 'public'::regnamespace and has_function_privilege(r, p.oid, 'execute')
  and not (r = 'authenticated' and (p.proname like '%_lineage' or p.proname in (
    'quality_class', 'expected_quality', 'overall_quality', 'stale_artifacts', 'stale_models')))
union all
select c.relname || ' ' || r from pg_class c, unnest(array['anon', 'authenticated']) r
where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
  and (has_sequence_privilege(r, c.oid, 'usage') or has_sequence_privilege(r, c.oid, 'select'))
"""


def test_automatic_rights_are_taken_back(hosted):
    migrate(hosted)
    with psycopg.connect(hosted) as connection:
        assert connection.execute(RIGHTS).fetchall() == []
        [readable] = connection.execute("""
            select count(*) from pg_class c where c.relnamespace = 'public'::regnamespace
            and c.relkind in ('r', 'v') and has_table_privilege('authenticated', c.oid, 'select')
            and has_table_privilege('service_role', c.oid, 'select')
        """).fetchone()
        assert readable >= 16


async def test_a_missing_publication_is_made(stack):
    with hosted_database(stack, "explicit") as url:
        run(url, "drop publication supabase_realtime")
        migrate(url)
        async with await connect_async(url) as connection:
            assert [finding for finding in await check_schema(connection) if not finding.ok] == []


def test_a_publication_of_somebody_else_is_said_and_how_to_mend_it(stack):
    with hosted_database(stack, "explicit") as url:
        database = urlsplit(url).path[1:]
        with admin_of(stack, database) as admin:
            admin.execute("alter publication supabase_realtime owner to supabase_admin")
        with pytest.raises(MigrationFailedError) as refused:
            migrate(url)
        assert "may not change the publication supabase_realtime" in refused.value.message
        assert f"alter publication supabase_realtime owner to {database}" in refused.value.suggestion
        with admin_of(stack, database) as admin:
            admin.execute(f"alter publication supabase_realtime owner to {database}")
        assert migrate(url).applied


def test_a_database_that_is_no_supabase_project_is_said(stack):
    name = f"plain_{uuid.uuid4().hex[:8]}"
    with admin_of(stack) as server:
        server.execute(f"create database {name} owner postgres")
        try:
            with pytest.raises(NotSupabaseError) as refused:
                migrate(urlsplit(stack.connections.database_url)._replace(path=f"/{name}").geturl())
        finally:
            server.execute(f"drop database {name} with (force)")
    assert "auth.users" in refused.value.message and "DATABASE_URL" in refused.value.suggestion
