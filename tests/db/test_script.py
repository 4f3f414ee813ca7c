"""The text of `maquette db sql`, pasted into an editor, makes the same database as `maquette db migrate`."""

import re
import shutil
import subprocess
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.db.databases import fresh_database_of
from tests.db.test_hosted import hosted_database
from tests.db.test_migrate import CHECKOUT

from maquette.db.catalogue import SNAPSHOT, read_entries
from maquette.db.check_schema import check_schema
from maquette.db.connection import connect, connect_async
from maquette.db.migrate import BUCKETS, migrate
from maquette.db.script import BLOCK, script
from maquette.embedded.account import Account, find_programs
from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN


def paste(url, text):
    """As an editor does: the whole text at once, by the simple protocol."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(text)


def recorded(url):
    """The ledger and the catalogue, and what stands there now."""
    with connect(url) as connection:
        ledger = connection.execute("select name, sha256 from maquette.maquette_migrations order by name").fetchall()
        written = connection.execute("select * from maquette.catalogue order by kind, name").fetchall()
        return ledger, written, read_entries(connection, BUCKETS)


def dumped(stack, url):
    """Every definition in the database by pg_dump, comments, owners and rights too, without the role's own name."""
    where = urlsplit(url)
    answer = subprocess.run(
        [
            find_programs(Account()) / "pg_dump",
            "--schema-only",
            "-h",
            "127.0.0.1",
            "-p",
            str(where.port),
            where.path[1:],
        ],
        env={"PGUSER": ADMIN, "PGPASSWORD": load_secrets(stack.home).admin_password},
        capture_output=True,
        text=True,
        check=True,
    )
    # \restrict and \unrestrict are followed by chance.
    return re.sub(r"(?m)^\\.*$", "", answer.stdout).replace(where.username, "ROLE").replace(where.path[1:], "DATABASE")


@pytest.fixture(scope="module")
def text():
    return script()


@pytest.mark.parametrize("grants", ["automatic", "explicit"])
async def test_pasted_equals_migrated_under_the_rules_of_hosted(stack, text, grants):
    with hosted_database(stack, grants) as pasted, hosted_database(stack, grants) as migrated:
        role = psycopg.conninfo.conninfo_to_dict(pasted)["user"]
        migrate(migrated)
        paste(pasted, text)
        with psycopg.connect(pasted) as connection:
            assert connection.execute("select rolsuper from pg_roles where rolname = %s", [role]).fetchone() == (False,)
        assert recorded(pasted) == recorded(migrated)
        assert "CREATE TABLE jobs.procrastinate_jobs" in dumped(stack, pasted)
        assert dumped(stack, pasted) == dumped(stack, migrated)
        # Neither way finds anything to do after the other, nor changes what is written down.
        before = recorded(pasted)
        assert migrate(pasted).applied == ()
        paste(pasted, text)
        paste(migrated, text)
        assert recorded(pasted) == recorded(migrated) == before
        async with await connect_async(pasted) as connection:
            assert [finding for finding in await check_schema(connection) if not finding.ok] == []


def test_an_older_database_is_brought_along(stack, text, tmp_path):
    for folder in ("sql", "storage_policies"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    for path in [*(tmp_path / "sql").glob("*/*.sql"), *(tmp_path / "storage_policies").glob("*.sql")]:
        if path.name != "0001_create_records.sql":
            path.unlink()
    with fresh_database_of(stack) as pasted, fresh_database_of(stack) as migrated:
        for url in (pasted, migrated):
            migrate(url, tmp_path / "sql")
        paste(pasted, text)
        migrate(migrated)
        assert recorded(pasted) == recorded(migrated)
        assert dumped(stack, pasted) == dumped(stack, migrated)


def test_changes_by_hand_are_not_taken_for_declared(stack, text):
    by_hand = "create policy mine on public.runs for select to anon using (true)"
    with fresh_database_of(stack) as pasted, fresh_database_of(stack) as migrated:
        for url in (pasted, migrated):
            migrate(url)
            paste(url, by_hand)
        paste(pasted, text)
        migrate(migrated)
        assert recorded(pasted) == recorded(migrated)
        assert ("policy", "public.runs: mine") in recorded(pasted)[2]


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (
            "update maquette.maquette_migrations set sha256 = 'x' where name like '0003%'",
            "0003_tighten_records.sql ran",
        ),
        ("insert into maquette.maquette_migrations values ('9999_later.sql', 'x')", "does not know: 9999_later.sql"),
        ("delete from maquette.maquette_migrations where name like 'procrastinate/03%'", "run `maquette db migrate`"),
        ("delete from maquette.maquette_migrations where name like 'procrastinate/%'", "not made by Maquette"),
        ("drop table storage.objects cascade", "not the database of a Supabase project: storage.objects missing"),
    ],
)
def test_what_migrate_refuses_is_refused(stack, text, spoil, refusal):
    with fresh_database_of(stack) as url:
        paste(url, text)
        paste(url, spoil)
        paste(url, "drop function public.append_event cascade")
        with pytest.raises(psycopg.errors.RaiseException, match=refusal):
            paste(url, text)
        with psycopg.connect(url) as connection:
            # The transaction is rolled back: nothing of it was kept.
            assert connection.execute("select from pg_proc where proname = 'append_event'").fetchall() == []


def test_it_is_small_enough_for_the_editor_and_says_what_it_is(text):
    assert len(text) < 400_000
    assert text.startswith("-- Maquette ")
    assert text.count(BLOCK) % 2 == 0
    assert "%(buckets)s" in SNAPSHOT and "%(buckets)s" not in text and "%%" not in text.split("begin;")[0]
