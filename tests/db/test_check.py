"""``maquette db check``: each fault made for real, found, and a cure named."""

import json
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import jwt
import psycopg
import pytest
from tests.db.databases import admin_of
from tests.db.pooler import transaction_pooler
from typer.testing import CliRunner

from maquette.cli import data
from maquette.db.check import FOLLOWED, check
from maquette.db.check_connection import check_migrations, unreachable_advice
from maquette.db.check_schema import check_schema
from maquette.db.check_service import project_of
from maquette.db.connection import connect_async
from maquette.db.migrate import migrate


async def failing(connections, **more):
    return {finding.what: finding for finding in await check(connections, **more) if finding.level != "ok"}


@pytest.fixture
def migrated(fresh_database):
    migrate(fresh_database)
    return fresh_database


async def test_all_is_well_on_a_running_stack(storage):
    findings = await check(storage)
    assert [finding for finding in findings if finding.level != "ok"] == []
    assert [finding.what for finding in findings] == [
        *("connection", "clock", "role", "migrations", "row security", "tables", "functions", "policies", "grants"),
        *("publication", "buckets", "objects", "queue", "project", "secret key", "publishable key", "storage"),
        *("sign-in", "realtime"),
    ]
    assert all(not finding.advice and finding.found for finding in findings)


async def test_an_empty_database_needs_a_migrate(storage, fresh_database):
    wrong = await failing(replace(storage, database_url=fresh_database))
    # The storage of the stack has buckets that this database lacks: it is not this storage's database.
    assert "different projects" in wrong.pop("storage").advice
    assert set(wrong) == {"migrations", "schema"}
    assert all("maquette db migrate" in finding.advice for finding in wrong.values())


async def test_a_plain_postgres_is_found(storage, stack):
    """An address copied from elsewhere: no schema of Supabase's is there, and nothing of the check falls over it."""
    name = f"plain_{uuid.uuid4().hex[:12]}"
    with admin_of(stack) as connection:
        connection.execute(f"create database {name}")
        try:
            wrong = await failing(
                replace(storage, database_url=urlsplit(storage.database_url)._replace(path=f"/{name}").geturl())
            )
        finally:
            connection.execute(f"drop database {name} with (force)")
    assert set(wrong) == {"migrations", "schema", "storage"}
    assert "there is no schema storage" in wrong["schema"].found
    assert "lacks buckets" in wrong["storage"].found and "different projects" in wrong["storage"].advice


def test_the_followed_tables_are_those_of_the_publication(stack):
    with psycopg.connect(stack.connections.database_url) as connection:
        rows = connection.execute(
            "select tablename::text from pg_publication_tables"
            " where pubname = 'supabase_realtime' and schemaname = 'public'"
        ).fetchall()
    assert sorted(name for (name,) in rows) == sorted(FOLLOWED)


FAULTS = [
    ("alter table public.runs disable row level security", "row security", "off on public.runs"),
    ('drop policy "Owners read their runs" on public.runs', "policies", "Owners read their runs of runs is missing"),
    (
        'alter policy "Owners read their runs" on public.runs using (true)',
        "policies",
        "Owners read their runs of runs was altered",
    ),
    ("create policy mine on public.runs for select to anon using (true)", "policies", "mine of runs was added by hand"),
    ('drop policy "Owners read their depth-maps" on storage.objects', "policies", "Owners read their depth-maps"),
    ("grant select on public.events to anon", "grants", "the right of anon to select events was added"),
    ("grant insert on public.runs to authenticated", "grants", "the right of authenticated to insert runs"),
    ("revoke select on public.runs from authenticated", "grants", "authenticated to select runs is missing"),
    ("revoke update on public.runs from service_role", "grants", "service_role to update runs is missing"),
    ("grant select on public.project_summary to anon", "grants", "the right of anon to select project_summary"),
    (
        "grant execute on function public.artifact_lineage(uuid) to public",
        "grants",
        "the right of public to execute artifact_lineage(uuid)",
    ),
    ("update storage.buckets set public = true where id = 'depth-maps'", "buckets", "depth-maps was altered"),
    ("update storage.buckets set file_size_limit = null where id = '3d-models'", "buckets", "3d-models was altered"),
    ("alter publication supabase_realtime drop table public.runs", "publication", "runs in supabase_realtime"),
    ("drop publication supabase_realtime", "publication", "runs in supabase_realtime is missing"),
    ("drop trigger events_guard on public.events", "functions", "trigger events_guard of events is missing"),
    ("alter table public.runs disable trigger runs_tell_change", "functions", "runs_tell_change of runs was altered"),
    (
        "create or replace function public.guard_event() returns trigger language plpgsql as 'begin return new; end'",
        "functions",
        "function guard_event() was altered",
    ),
    ("alter view public.project_summary reset (security_invoker)", "functions", "view project_summary was altered"),
]
BY_HAND = [
    ("alter table public.runs drop column seed", "tables", "column seed of runs is missing"),
    ("alter table public.runs alter column message type varchar(9999)", "tables", "column message of runs was altered"),
    ("alter table public.runs drop constraint runs_status_check", "tables", "constraint runs_status_check of runs"),
    ("drop index public.runs_one_running_idx", "tables", "index runs_one_running_idx of runs is missing"),
    ("drop table public.enhanced_views", "tables", "table enhanced_views is missing"),
]


@pytest.mark.parametrize(("change", "what", "said"), FAULTS + BY_HAND)
async def test_each_fault_is_found_and_a_cure_named(stack, change, what, said):
    async with await connect_async(stack.connections.database_url) as connection:
        # Never committed: nobody else on this database sees the fault.
        await connection.execute(change.encode())
        wrong = {finding.what: finding for finding in await check_schema(connection) if not finding.ok}
        await connection.rollback()
    assert set(wrong) == {what}
    assert said in wrong[what].found
    assert ("by hand" if (change, what, said) in BY_HAND else "Run") in wrong[what].advice


async def test_the_cures_cure(storage, migrated):
    """All of it at once: what is named is done, and then all is well."""
    here = replace(storage, database_url=migrated)
    with psycopg.connect(migrated) as connection:
        for change, _, _ in FAULTS:
            # Two faults of one thing cannot be made at once.
            if not change.startswith(("drop publication", "alter policy")):
                connection.execute(change)
    wrong = await failing(here)
    wrong.pop("storage")  # the service has another database's buckets
    assert set(wrong) == {what for _, what, _ in FAULTS}
    with psycopg.connect(migrated, autocommit=True) as connection:
        for finding in wrong.values():
            for statement in finding.advice.split("Run: ")[1:]:
                connection.execute(statement)
    migrate(migrated)
    assert set(await failing(here)) == {"storage"}


async def test_what_migrate_cannot_mend_stays_found(storage, migrated):
    with psycopg.connect(migrated) as connection:
        connection.execute("drop index public.runs_one_running_idx; create table public.theirs (id int)")
    migrate(migrated)
    wrong = await failing(replace(storage, database_url=migrated))
    assert wrong["tables"].found == "index runs_one_running_idx of runs is missing"


async def test_a_stranger_who_sees_objects_is_found(storage, migrated):
    with psycopg.connect(migrated) as connection:
        connection.execute("insert into storage.objects (bucket_id, name) values ('3d-models', 'x/y')")
        connection.execute("create policy mine on storage.objects for select to anon using (true)")
    wrong = await failing(replace(storage, database_url=migrated))
    assert wrong["objects"].found == "anyone can see objects in 3d-models"
    assert "policy" in wrong["objects"].advice


@pytest.mark.parametrize(
    ("change", "what", "said", "advice"),
    [
        (
            "update maquette.maquette_migrations set sha256 = 'x' where name like '0001%'",
            "migrations",
            "0001_create_records.sql ran with other",
            "restore its migration files",
        ),
        (
            "delete from maquette.maquette_migrations where name like '0003%'",
            "migrations",
            "0003_tighten_records.sql is not applied",
            "migrate",
        ),
        (
            "insert into maquette.maquette_migrations values ('9999_x.sql', 'x')",
            "migrations",
            "newer Maquette: 9999_x.sql",
            "Install the newer",
        ),
        ("drop schema jobs cascade", "queue", "jobs is missing", "maquette db migrate"),
        (
            "delete from maquette.maquette_migrations where name like 'procrastinate/03.0%'",
            "queue",
            "is not applied",
            "migrate",
        ),
        ("drop table maquette.catalogue", "schema", "nothing of it was declared", "migrate"),
    ],
)
async def test_the_ledger_and_the_queue_are_looked_at(stack, change, what, said, advice):
    async with await connect_async(stack.connections.database_url) as connection:
        assert (await connection.execute(change.encode())).rowcount != 0
        findings = [await check_migrations(connection), *await check_schema(connection)]
        await connection.rollback()
    [wrong] = [finding for finding in findings if not finding.ok]
    assert wrong.what == what and said in wrong.found and advice in wrong.advice


async def test_a_lost_queue_is_made_again_as_advised(migrated):
    with psycopg.connect(migrated) as connection:
        connection.execute("drop schema jobs cascade")
    async with await connect_async(migrated) as connection:
        [wrong] = [finding for finding in await check_schema(connection) if not finding.ok]
    with psycopg.connect(migrated) as connection:
        connection.execute(wrong.advice.removeprefix("Run: ").partition(";")[0])
    migrate(migrated)
    async with await connect_async(migrated) as connection:
        assert [finding for finding in await check_schema(connection) if not finding.ok] == []


async def test_a_role_under_row_security_is_found(storage, stack):
    name = f"plain_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(stack.connections.database_url, autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'plain'")
        try:
            where = urlsplit(stack.connections.database_url)
            url = where._replace(netloc=f"{name}:plain@127.0.0.1:{where.port}").geturl()
            wrong = await failing(replace(storage, database_url=url))
        finally:
            connection.execute(f"drop role {name}")
    assert "under row security" in wrong["role"].found
    assert "no right to act as anon" in wrong["role"].found


async def test_a_transaction_pooler_is_found_by_trying(storage):
    async with transaction_pooler(storage.database_url) as url:
        wrong = await failing(replace(storage, database_url=url))
    assert set(wrong) == {"connection"}
    assert wrong["connection"].level == "failure" and "transaction pooler" in wrong["connection"].found
    assert "5432" in wrong["connection"].advice


async def test_the_transaction_pooler_at_its_own_port_is_a_warning(storage, monkeypatch):
    async with transaction_pooler(storage.database_url) as url:
        # Its port is taken on many machines, so the port that counts as Supabase's is the test's.
        monkeypatch.setattr("maquette.db.connection.TRANSACTION_POOLER_PORT", url.split(":")[-1].split("/")[0])
        wrong = await failing(replace(storage, database_url=url))
    assert wrong["connection"].level == "warning" and wrong["connection"].ok
    assert "late" in wrong["connection"].found


def test_the_ipv6_address_is_told(storage):
    url = "postgresql://postgres:x@db.abcdefghij.supabase.co:5432/postgres"
    assert "IPv6" in unreachable_advice(url, "Check.")
    assert unreachable_advice(storage.database_url, "Check.") == "Check."


@pytest.mark.parametrize(("ahead_s", "said"), [(90, "90 s ahead of"), (-90, "90 s behind")])
async def test_clocks_that_disagree(storage, ahead_s, said):
    wrong = await failing(storage, clock=lambda: time.time() + ahead_s)
    assert set(wrong) == {"clock"}
    assert wrong["clock"].level == "warning" and said in wrong["clock"].found
    assert await failing(storage, clock=lambda: time.time() + 20) == {}


async def test_wrong_keys_are_found(storage):
    wrong = await failing(replace(storage, secret_key="nonsense", publishable_key=storage.secret_key))
    assert {"secret key", "publishable key"} <= set(wrong)
    assert "SUPABASE_SECRET_KEY" in wrong["secret key"].advice
    assert "shown to anyone" in wrong["publishable key"].found
    wrong = await failing(replace(storage, publishable_key="nonsense"))
    assert set(wrong) == {"publishable key", "realtime"}


async def test_another_database_behind_the_address_is_found(storage, migrated):
    wrong = await failing(replace(storage, database_url=migrated))
    assert set(wrong) == {"storage"}
    assert "different projects" in wrong["storage"].advice


async def test_keys_and_addresses_of_different_projects_are_found(storage):
    def key(role, ref):
        return jwt.encode({"role": role, "ref": ref}, "x" * 32, algorithm="HS256")

    away = replace(storage, secret_key=key("service_role", "aaa"), publishable_key=key("anon", "bbb"), embedded=False)
    wrong = await failing(away)
    assert wrong["project"].found == "SUPABASE_PUBLISHABLE_KEY is of bbb; SUPABASE_SECRET_KEY is of aaa"
    secret = replace(storage, publishable_key=key("service_role", "aaa"))
    assert "secret key, which every page" in (await failing(secret))["publishable key"].found
    hosted = replace(
        storage,
        database_url="postgresql://postgres.ccc:x@aws-0-eu.pooler.supabase.com:5432/postgres",
        supabase_url="https://ddd.supabase.co",
    )
    assert project_of(hosted) == {"DATABASE_URL": "ccc", "SUPABASE_URL": "ddd"}


async def test_nothing_answers(storage):
    away = replace(storage, database_url="postgresql://u:hidden@127.0.0.1:9/x", supabase_url="http://127.0.0.1:9")
    wrong = await failing(away)
    assert set(wrong) == {"connection", "storage", "realtime"}
    assert "hidden" not in str(wrong) and storage.publishable_key not in str(wrong)
    assert all(finding.advice for finding in wrong.values())


@contextmanager
def auth_endpoint(status, body):
    """Supabase Auth's key address, and nothing else."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/auth/v1/.well-known/jwks.json"
            self.send_response(status if found else 404)
            self.end_headers()
            self.wfile.write(body if found else b"{}")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


KEY = {"kid": "1", "alg": "ES256", "kty": "EC"}


@pytest.mark.parametrize(
    ("status", "keys", "secret", "level", "said"),
    [
        (200, {"keys": [KEY]}, None, "ok", "signing keys: ES256"),
        (200, {"keys": []}, "s" * 32, "ok", "legacy secret"),
        (200, {"keys": []}, None, "failure", "no ES256 or RS256 key"),
        (200, {"keys": [{**KEY, "alg": "HS256"}]}, None, "failure", "no ES256 or RS256 key"),
        (404, {}, "s" * 32, "warning", "legacy secret SUPABASE_JWT_SECRET: "),
        (404, {}, None, "failure", "answers 404"),
        (200, ["odd"], None, "failure", "there are no keys"),
    ],
)
async def test_sign_in_keys(storage, status, keys, secret, level, said):
    with auth_endpoint(status, json.dumps(keys).encode()) as url:
        away = replace(storage, supabase_url=url, jwt_secret=secret, embedded=False)
        [finding] = [finding for finding in await check(away) if finding.what == "sign-in"]
    assert finding.level == level and said in finding.found
    assert bool(finding.advice) == (level != "ok")


def test_the_command_for_people_and_for_scripts(storage, stack, monkeypatch):
    monkeypatch.setenv("MAQUETTE_HOME", str(stack.home))
    ran = CliRunner().invoke(data.app, ["check"])
    assert ran.exit_code == 0 and "row security" in ran.stdout
    findings = json.loads(CliRunner().invoke(data.app, ["check", "--json"]).stdout)
    assert {finding["level"] for finding in findings} == {"ok"}
    with psycopg.connect(storage.database_url, autocommit=True) as connection:
        connection.execute("grant select on public.events to anon")
        try:
            ran = CliRunner().invoke(data.app, ["check", "--json"])
        finally:
            connection.execute("revoke select on public.events from anon")
    assert ran.exit_code == 1
    [wrong] = [finding for finding in json.loads(ran.stdout) if finding["level"] != "ok"]
    assert wrong["advice"] == "Run: revoke select on public.events from anon;"
