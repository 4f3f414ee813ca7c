"""What pg_catalog says about the whole of schema public, so that no later migration forgets one of it."""

import re

import psycopg
import pytest


@pytest.fixture(scope="module")
def ask(stack):
    with psycopg.connect(stack.connections.database_url) as connection:
        yield lambda query: [row[0] for row in connection.execute(query).fetchall()]


def test_row_security_is_on_everywhere(ask):
    tables = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    assert len(ask(tables)) >= 14
    assert ask(f"{tables} and not relrowsecurity") == []


def test_every_foreign_key_has_an_index(ask):
    without = ask("""
        select c.conrelid::regclass || ' ' || c.conname from pg_constraint c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
            select 1 from pg_index i
            where i.indrelid = c.conrelid and i.indpred is null
              and (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(c.conkey)] @> c.conkey)
    """)
    assert without == []


def test_every_function_has_a_fixed_search_path(ask):
    functions = "from pg_proc where pronamespace = 'public'::regnamespace"
    assert ask(f"select count(*) {functions}")[0] >= 4
    fixed = """exists (select 1 from unnest(proconfig) s where s in ('search_path=', 'search_path=""'))"""
    assert ask(f"select proname {functions} and not {fixed}") == []


def test_clients_call_only_what_is_meant_for_them(ask):
    callable_by = """
        select proname from pg_proc where pronamespace = 'public'::regnamespace
        and has_function_privilege('{}', oid, 'execute')
    """
    assert ask(callable_by.format("anon")) == []
    assert sorted(ask(callable_by.format("authenticated"))) == [
        "artifact_lineage", "expected_quality", "export_lineage", "model_lineage", "overall_quality", "quality_class",
        "stale_artifacts", "stale_models",
    ]  # fmt: skip


def test_views_keep_the_readers_row_security(ask):
    views = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'"
    assert sorted(ask(views)) == ["best_models", "project_summary", "refinement_progress"]
    assert ask(f"{views} and not coalesce('security_invoker=true' = any(reloptions), false)") == []


def test_policies_ask_who_it_is_once_and_not_for_each_row(ask):
    rules = ask("""
        select coalesce(qual, '') || coalesce(with_check, '') from pg_policies where schemaname in ('public', 'storage')
    """)
    assert len(rules) >= 20
    for rule in rules:
        for found in re.finditer(r"auth\.(uid|jwt|role)\(\)", rule):
            assert rule[: found.start()].endswith("( SELECT "), rule


def test_policies_are_for_signed_in_users_one_an_operation(ask):
    assert ask("select policyname from pg_policies where schemaname = 'public' and roles <> '{authenticated}'") == []
    assert ask("select policyname from pg_policies where schemaname = 'public' and cmd = 'ALL'") == []
    twice = "select tablename from pg_policies where schemaname = 'public' group by tablename, cmd having count(*) > 1"
    assert ask(twice) == []


def test_anon_holds_nothing(ask):
    held = ask("""
        select c.relname || ' ' || p
        from pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'references']) p
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm')
        and has_table_privilege('anon', c.oid, p)
    """)
    assert held == []


def test_signed_in_users_only_read(ask):
    held = ask("""
        select c.relname || ' ' || p
        from pg_class c, unnest(array['insert', 'update', 'delete', 'truncate', 'trigger']) p
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm')
        and has_table_privilege('authenticated', c.oid, p)
    """)
    assert held == []


def test_every_table_says_what_it_is(ask):
    silent = ask("""
        select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
        and obj_description(oid, 'pg_class') is null
    """)
    assert silent == []


def test_times_know_their_zone(ask):
    naive = ask("""
        select table_name || '.' || column_name from information_schema.columns
        where table_schema in ('public', 'maquette') and data_type = 'timestamp without time zone'
    """)
    assert naive == []
