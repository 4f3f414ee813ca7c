import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from tests.sql.conftest import FILL, IDS

from maquette.db.check_schema import check_schema
from maquette.db.connection import DatabaseUnreachableError, connect_async, is_transaction_pooler
from maquette.db.migrate import (
    MigrationChangedError,
    MigrationFailedError,
    NewerDatabaseError,
    NotMigratedError,
    QueueUnknownError,
    expect_migrated,
    migrate,
    sql_files,
)

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sql_root(tmp_path):
    for folder in ("sql", "storage_policies"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    return tmp_path / "sql"


def ask(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_twice_as_an_ordinary_role(fresh_database):
    assert ask(fresh_database, "select rolsuper from pg_roles where rolname = current_user") == [(False,)]
    first = migrate(fresh_database)
    assert "0001_create_records.sql" in first.applied
    assert "procrastinate/schema.sql" in first.applied
    before = ask(fresh_database, "select name, sha256, applied_at from maquette.maquette_migrations order by name")
    second = migrate(fresh_database)
    assert second.applied == ()
    assert second.redeclared == first.redeclared
    after = ask(fresh_database, "select name, sha256, applied_at from maquette.maquette_migrations order by name")
    assert before == after


def test_the_package_brings_the_files_of_the_checkout(fresh_database, sql_root):
    packaged, checkout = migrate(fresh_database), migrate(fresh_database, sql_root)
    assert checkout.applied == ()
    assert checkout.redeclared == packaged.redeclared
    assert len(checkout.redeclared) >= 10


def test_all_at_once(fresh_database):
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(migrate, [fresh_database] * 4))
    assert sorted(bool(report.applied) for report in reports) == [False, False, False, True]


def test_it_goes_on_where_a_worker_stood_in_its_way(fresh_database):
    """A worker's transaction that has read one table and wants another, between whose policies the run stands."""
    migrate(fresh_database)
    waiting = "select count(*) from pg_locks where not granted and relation = 'public.runs'::regclass"
    with ThreadPoolExecutor(1) as others, psycopg.connect(fresh_database) as worker:
        worker.execute("select from public.runs")
        again = others.submit(migrate, fresh_database)
        while ask(fresh_database, waiting) == [(0,)]:
            assert not again.done()
        worker.execute("select from public.projects")
        worker.commit()
        assert again.result().applied == ()


def test_a_changed_migration_is_refused(fresh_database, sql_root):
    migrate(fresh_database, sql_root)
    path = sql_root / "migrations" / "0001_create_records.sql"
    path.write_text(path.read_text() + "\n-- touched\n")
    with pytest.raises(MigrationChangedError) as refused:
        migrate(fresh_database, sql_root)
    assert refused.value.code == "migration_changed"
    assert path.name in refused.value.message


def test_a_broken_file_is_named_and_nothing_is_kept(fresh_database, sql_root):
    migrate(fresh_database, sql_root)
    (sql_root / "migrations" / "9998_create_x.sql").write_text("create table public.x (id int);\n")
    (sql_root / "migrations" / "9999_break_y.sql").write_text("select 1;\n\nselect nothing_like_it;\n")
    with pytest.raises(MigrationFailedError) as refused:
        migrate(fresh_database, sql_root)
    assert "9999_break_y.sql, line 3" in refused.value.message
    assert ask(fresh_database, "select to_regclass('public.x')") == [(None,)]
    (sql_root / "migrations" / "9999_break_y.sql").unlink()
    assert migrate(fresh_database, sql_root).applied == ("9998_create_x.sql",)


def test_a_database_from_the_future_is_left_alone(fresh_database, sql_root):
    (sql_root / "migrations" / "9999_create_later.sql").write_text("create table public.later (id int);")
    migrate(fresh_database, sql_root)
    with pytest.raises(NewerDatabaseError) as refused:
        migrate(fresh_database)
    assert "9999_create_later.sql" in refused.value.message


async def test_a_database_of_the_first_version_is_brought_along_with_its_rows(fresh_database, sql_root):
    for path in [*sql_root.glob("*/*.sql"), *(sql_root.parent / "storage_policies").glob("*.sql")]:
        if path.name != "0001_create_records.sql":
            path.unlink()
    migrate(fresh_database, sql_root)
    with psycopg.connect(fresh_database, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(FILL.partition("insert into public.share_links")[0], {name: str(uuid4()) for name in IDS})
        # Nothing was written down then for `check` to compare with.
        connection.execute("drop table maquette.catalogue")
    report = migrate(fresh_database)
    assert [name for name in report.applied if name.startswith("0001")] == []
    assert "0003_tighten_records.sql" in report.applied
    async with await connect_async(fresh_database) as connection:
        assert [finding for finding in await check_schema(connection) if not finding.ok] == []
    assert ask(fresh_database, "select count(*) from public.refinement_progress") == [(1,)]


QUEUE_SHAPE = """
select 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'jobs'::regnamespace and a.attnum > 0 and not a.attisdropped and c.relkind = 'r'
union all
select 'function', p.proname, pg_get_function_identity_arguments(p.oid), md5(regexp_replace(p.prosrc, '\\s+', ' ', 'g'))
from pg_proc p where p.pronamespace = 'jobs'::regnamespace
union all
select 'index', c.relname, regexp_replace(pg_get_indexdef(c.oid), ' ON \\S+', ''), '' from pg_class c
where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'i'
order by 1, 2, 3
"""


def test_an_older_queue_is_brought_up_to_date(fresh_database):
    """As if an older Procrastinate had made it: all migrations but the last four."""
    migrate(fresh_database)
    wanted = ask(fresh_database, QUEUE_SHAPE)
    folder = resources.files("procrastinate") / "sql" / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    with psycopg.connect(fresh_database) as connection:
        connection.execute("drop schema jobs cascade; create schema jobs; set local search_path = jobs")
        for file in files[:-4]:
            connection.execute(file.read_bytes())
        connection.execute("reset search_path")
        for file in files[-4:]:
            connection.execute(
                "delete from maquette.maquette_migrations where name = %s", [f"procrastinate/{file.name}"]
            )
    assert ask(fresh_database, QUEUE_SHAPE) != wanted
    assert migrate(fresh_database).applied == tuple(f"procrastinate/{file.name}" for file in files[-4:])
    assert ask(fresh_database, QUEUE_SHAPE) == wanted


def test_a_server_does_not_start_on_a_database_that_lacks_migrations(fresh_database):
    with pytest.raises(NotMigratedError, match="everything") as refused:
        expect_migrated(fresh_database)
    assert "maquette db migrate" in refused.value.suggestion
    migrate(fresh_database)
    expect_migrated(fresh_database)
    last = sql_files(None, "migrations")[-1].name
    with psycopg.connect(fresh_database) as connection:
        connection.execute("delete from maquette.maquette_migrations where name = %s", [last])
    with pytest.raises(NotMigratedError, match=last):
        expect_migrated(fresh_database)


def test_a_queue_made_by_somebody_else_is_not_touched(fresh_database):
    with psycopg.connect(fresh_database) as connection:
        connection.execute("create schema jobs; create table jobs.procrastinate_jobs (id int)")
    with pytest.raises(QueueUnknownError):
        migrate(fresh_database)
    assert ask(fresh_database, "select to_regclass('public.projects')") == [(None,)]


def test_clients_cannot_read_the_ledger_or_the_queue(stack):
    with psycopg.connect(stack.connections.database_url) as connection:
        for role in ("anon", "authenticated", "service_role"):
            for schema in ("maquette", "jobs"):
                [allowed] = connection.execute(
                    "select has_schema_privilege(%s, %s, 'usage')", [role, schema]
                ).fetchone()
                assert not allowed, (role, schema)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("127.0.0.1:9", "Connection refused"),
        ("[::1],127.0.0.1:9", "Connection refused"),
        ("no-such-host.invalid:5432", "resolve"),
    ],
)
def test_an_unreachable_database_says_where_and_why_and_hides_the_password(where, why):
    with pytest.raises(DatabaseUnreachableError) as refused:
        migrate(f"postgresql://postgres:hidden-word@{where}/postgres")
    assert where.rpartition(",")[2].split(":")[0] in refused.value.message
    assert why in refused.value.message
    assert "hidden-word" not in str(refused.value.as_dict())


def test_a_wrong_password_is_refused(stack):
    port = stack.postgres.port
    with pytest.raises(DatabaseUnreachableError) as refused:
        migrate(f"postgresql://postgres:hidden-word@127.0.0.1:{port}/postgres")
    assert "password" in refused.value.message
    assert "hidden-word" not in str(refused.value.as_dict())


def test_the_transaction_pooler_is_known_by_its_port():
    assert is_transaction_pooler("postgresql://u:p@x.pooler.supabase.com:6543/postgres")
    assert not is_transaction_pooler("postgresql://u:p@x.pooler.supabase.com:5432/postgres")
    assert not is_transaction_pooler("postgresql://u:p@db.ref.supabase.co/postgres")
