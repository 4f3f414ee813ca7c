from dataclasses import replace

import psycopg
import pytest

from maquette.db.check import TABLES, check
from maquette.db.migrate import migrate


async def failing(connections):
    return {finding.what: finding for finding in await check(connections) if not finding.ok}


async def test_all_is_well_on_a_running_stack(storage):
    findings = await check(storage)
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) == 12
    assert all(not finding.advice and finding.found for finding in findings)


def test_every_table_is_looked_at(stack):
    with psycopg.connect(stack.connections.database_url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert {name for (name,) in rows} == set(TABLES)


async def test_an_empty_database_needs_a_migrate(storage, fresh_database):
    wrong = await failing(replace(storage, database_url=fresh_database))
    assert set(wrong) == {"migrations", "tables", "policies", "buckets", "publication", "queue"}
    assert all("maquette db migrate" in finding.advice for finding in wrong.values())


@pytest.mark.parametrize(
    ("change", "what", "said"),
    [
        ("alter table public.runs disable row level security", "row security", "off on runs"),
        ('drop policy "Owners read their runs" on public.runs', "policies", "runs has no policy"),
        ('drop policy "Owners read their depth-maps" on storage.objects', "policies", "bucket depth-maps"),
        ("grant select on public.events to anon", "grants", "anon may select events"),
        ("grant insert on public.runs to authenticated", "grants", "authenticated may insert runs"),
        ("revoke select on public.runs from authenticated", "grants", "authenticated may not select runs"),
        ("revoke update on public.runs from service_role", "grants", "service_role may not update runs"),
        ("update storage.buckets set public = true where id = 'depth-maps'", "buckets", "depth-maps is public"),
        ("alter publication supabase_realtime drop table public.runs", "publication", "runs is not in"),
        ("update maquette.maquette_migrations set sha256 = 'x'", "migrations", "ran with other contents"),
        ("drop schema jobs cascade", "queue", "jobs is missing"),
        ("drop table public.enhanced_views", "tables", "enhanced_views is missing"),
    ],
)
async def test_each_fault_is_found_and_a_cure_named(storage, fresh_database, change, what, said):
    migrate(fresh_database)
    with psycopg.connect(fresh_database) as connection:
        connection.execute(change)
    wrong = await failing(replace(storage, database_url=fresh_database))
    assert said in wrong[what].found
    assert wrong[what].advice
    assert set(wrong) <= {what, "policies"}


async def test_wrong_keys_are_found(storage):
    wrong = await failing(replace(storage, secret_key="nonsense", publishable_key=storage.secret_key))
    assert set(wrong) == {"secret key", "publishable key"}
    assert "SUPABASE_SECRET_KEY" in wrong["secret key"].advice


async def test_nothing_answers(storage):
    away = replace(storage, database_url="postgresql://u:hidden@127.0.0.1:9/x", supabase_url="http://127.0.0.1:9")
    wrong = await failing(away)
    assert set(wrong) == {"connection", "storage"}
    assert "hidden" not in str(wrong)
