"""Starting, stopping, dying and starting again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from maquette.cli import app
from maquette.embedded.home import HomeInUseError
from maquette.embedded.postgres import DatabaseStartError
from maquette.embedded.stack import run_stack
from maquette.settings import Settings, StackNotRunningError, resolve_connections, stack_file

BACKEND = Path(__file__).resolve().parents[2] / "backend"
SERVE = """
import sys, time
from pathlib import Path
from maquette.embedded.stack import run_stack
from maquette.settings import Settings
with run_stack(Settings(home=Path(sys.argv[1]))) as stack:
    print(stack.postgres.process.pid, flush=True)
    time.sleep(600)
"""


@contextmanager
def empty_home():
    """Not under tmp_path, which is closed to Postgres's user."""
    path = Path(tempfile.mkdtemp(prefix="maquette-test-"))
    path.chmod(0o755)
    try:
        yield path / "home"
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def home():
    with empty_home() as path:
        yield path


@pytest.fixture
def settings(home):
    return Settings(home=home)


@pytest.fixture
def untouched():
    """Settings of a home that no other test has started."""
    with empty_home() as path:
        yield Settings(home=path)


def serve_elsewhere(home):
    """Another process that runs a stack; with the pid of its Postgres."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, home], env={**os.environ, "PYTHONPATH": str(BACKEND)}, stdout=subprocess.PIPE
    )
    return process, int(process.stdout.readline())


def wait_gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                return
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


def ask(settings, query):
    with psycopg.connect(resolve_connections(settings).database_url) as connection:
        return connection.execute(query).fetchall()


def test_a_command_without_a_server_says_whose_database_it_asks(untouched, monkeypatch):
    """Else somebody who forgot MAQUETTE_HOME reads "no rows" of a database that was made that moment."""
    monkeypatch.setenv("MAQUETTE_HOME", str(untouched.home))
    asked = CliRunner().invoke(app, ["keys", "list"])
    assert asked.exit_code == 0 and str(untouched.home) in asked.stderr
    assert "no keys" in asked.stdout
    with run_stack(untouched):
        assert CliRunner().invoke(app, ["keys", "list"]).stderr == ""


def test_everything_is_there_again_after_a_restart(untouched):
    with run_stack(untouched) as first:
        known = first.connections
        assert resolve_connections(untouched) == known
        with psycopg.connect(known.database_url) as connection:
            connection.execute("create table public.kept as select 42 as answer")
        assert first.migrated.applied
    wait_gone(first.postgres.process.pid)
    assert not stack_file(untouched.home).exists()
    with pytest.raises(StackNotRunningError):
        resolve_connections(untouched)
    with run_stack(untouched) as second:
        assert second.connections == known
        assert second.migrated.applied == ()
        assert ask(untouched, "select answer from public.kept") == [(42,)]


def test_secrets_are_for_their_owner_only_and_nobody_is_trusted(settings):
    with run_stack(settings) as stack:
        for path in (settings.home / "secrets.json", stack_file(settings.home)):
            assert path.stat().st_mode & 0o777 == 0o600
        assert stack.postgres.data.stat().st_mode & 0o077 == 0
        secrets = json.loads((settings.home / "secrets.json").read_text())
        assert not any(value in repr(stack) for value in secrets.values())
        port = stack.postgres.port
        for user in ("postgres", "supabase_admin", "authenticator", "service_role"):
            for password in ("", "postgres", "wrong"):
                with pytest.raises(psycopg.OperationalError):
                    psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="postgres")
        assert ask(settings, "show listen_addresses") == [("127.0.0.1",)]
        assert ask(settings, "select rolname from pg_roles where rolsuper") == [("supabase_admin",)]


def test_two_on_one_home_is_an_error(settings):
    with run_stack(settings) as stack:
        with pytest.raises(HomeInUseError) as refused, run_stack(settings):
            pass
        assert refused.value.code == "home_in_use"
        assert str(os.getpid()) in refused.value.message
        assert stack.postgres.alive()
        assert ask(settings, "select 1") == [(1,)]


def test_a_killed_postgres_loses_nothing_that_was_committed(settings):
    with run_stack(settings) as stack:
        with psycopg.connect(stack.connections.database_url) as connection:
            connection.execute("create table if not exists public.survivors (id int)")
            connection.execute("insert into public.survivors values (7)")
        os.kill(stack.postgres.process.pid, signal.SIGKILL)
        stack.postgres.process.wait()
        assert not stack.postgres.alive()
        assert (stack.postgres.data / "postmaster.pid").exists()
    with run_stack(settings):
        assert ask(settings, "select id from public.survivors") == [(7,)]


def test_a_killed_postgres_comes_back_at_the_same_address(settings):
    with run_stack(settings) as stack:
        assert not stack.mend()
        os.kill(stack.postgres.process.pid, signal.SIGKILL)
        stack.postgres.process.wait()
        assert stack.mend()
        assert ask(settings, "select 1") == [(1,)]
        assert stack.connections == resolve_connections(settings)
    wait_gone(stack.postgres.process.pid)


def test_postgres_ends_with_a_killed_server(settings):
    process, postgres = serve_elsewhere(settings.home)
    with pytest.raises(HomeInUseError), run_stack(settings):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    assert stack_file(settings.home).exists()
    with pytest.raises(StackNotRunningError):
        resolve_connections(settings)
    wait_gone(postgres)


def test_a_start_right_after_a_kill_waits_for_the_old_one(settings):
    process, postgres = serve_elsewhere(settings.home)
    process.kill()
    process.wait()
    process.stdout.close()
    with run_stack(settings) as stack:
        assert stack.postgres.process.pid != postgres
        assert ask(settings, "select 1") == [(1,)]
    wait_gone(postgres)


def test_a_pid_file_that_names_a_stranger_is_forgotten(settings):
    """After a power loss, or in a new container, the number may be anybody's: here it is ours."""
    with run_stack(settings) as stack:
        data = stack.postgres.data
    owner = data.stat()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n127.0.0.1\n1 1\nready\n")
    os.chown(data / "postmaster.pid", owner.st_uid, owner.st_gid)
    with run_stack(settings):
        assert ask(settings, "select 1") == [(1,)]


def test_a_half_made_database_is_made_anew(home):
    other = home.with_name("half")
    with run_stack(Settings(home=other)) as stack:
        data = stack.postgres.data
    data.rename(data.with_name("18.partial"))
    (data.with_name("18.partial") / "PG_VERSION").unlink()
    with run_stack(Settings(home=other)) as stack:
        assert stack.migrated.applied


def test_a_port_taken_meanwhile_is_replaced(settings):
    import socket

    with run_stack(settings) as stack:
        port = stack.postgres.port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with run_stack(settings) as stack:
            assert stack.postgres.port != port
            assert ask(settings, "select 1") == [(1,)]


def test_a_broken_database_says_so(home):
    other = home.with_name("broken")
    with run_stack(Settings(home=other)) as stack:
        data = stack.postgres.data
    (data / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseStartError) as refused, run_stack(Settings(home=other)):
        pass
    assert "pg_control" in refused.value.message
    with pytest.raises(StackNotRunningError):
        resolve_connections(Settings(home=other))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that its own Postgres cannot enter")
def test_a_home_that_postgres_cannot_enter_is_served_all_the_same(tmp_path):
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    settings = Settings(home=closed / ".maquette")
    folder = None
    try:
        with run_stack(settings):
            assert ask(settings, "select 1") == [(1,)]
            assert closed.stat().st_mode & 0o777 == 0o700
        link = settings.home / "postgres"
        assert link.is_symlink()
        folder = link.resolve()
        assert folder.stat().st_mode & 0o777 == 0o700
        with run_stack(settings) as again:
            assert again.migrated.applied == ()
            assert again.postgres.data.parent == folder
    finally:
        if folder:
            shutil.rmtree(folder)
