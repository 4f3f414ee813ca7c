"""``maquette doctor`` on installations that are broken in earnest."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.ports import free_port

from maquette import __version__
from maquette.cli.diagnosis.database import explain, look_at_database, look_at_workers
from maquette.cli.diagnosis.home import look_at_home
from maquette.cli.diagnosis.machine import look_at_machine
from maquette.cli.diagnosis.models import look_at_models
from maquette.cli.diagnosis.packages import look_at_packages
from maquette.cli.diagnosis.server import look_at_server
from maquette.db import workers
from maquette.db.connection import connect, connect_async
from maquette.db.findings import Finding
from maquette.embedded.home import hold_home, load_secrets
from maquette.embedded.postgres import DatabaseStartError, start_postgres
from maquette.embedded.stack import EmbeddedStack, run_stack
from maquette.models.registry import MODELS
from maquette.settings import Connections, Settings, lock_file, stack_file


def at(home: Path, **settings: object) -> Settings:
    return Settings.model_validate({"home": home, "port": free_port(), "database_url": None, **settings})


def doctor(home: Path, **environment: str) -> tuple[int, dict[str, Finding], str]:
    """What the command says: exit code, findings by name, and all of its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAQUETTE_", "SUPABASE_"))}
    clean.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "maquette.cli", "doctor", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**clean, "MAQUETTE_HOME": str(home), "MAQUETTE_PORT": str(free_port()), **environment},
    )
    found = [Finding(**one) for one in json.loads(done.stdout)]
    return done.returncode, {one.what: one for one in found}, done.stdout + done.stderr


class TestTheCommand:
    def test_a_fresh_machine_is_well(self, tmp_path: Path) -> None:
        code, found, told = doctor(tmp_path / "home")
        assert code == 0, told
        assert found["packages"].ok and found["Python"].ok and "will be made" in found["home"].found
        assert "first `maquette serve` makes it" in found["database"].found
        assert not (tmp_path / "home").exists(), "it changed something"

    def test_half_a_supabase_configuration(self, tmp_path: Path) -> None:
        code, found, told = doctor(tmp_path, SUPABASE_URL="https://abc.supabase.co", SUPABASE_SECRET_KEY="hush-hush")
        assert code == 1 and not found["settings"].ok
        assert "DATABASE_URL" in found["settings"].found and "DATABASE_URL" in found["settings"].advice
        assert "hush" not in told


def test_a_supabase_that_is_not_there(tmp_path: Path) -> None:
    settings = at(
        tmp_path,
        supabase_url=f"http://127.0.0.1:{free_port()}",
        secret_key="sb_secret_hush",
        publishable_key="sb_publishable_x",
        database_url=f"postgresql://postgres:hush@127.0.0.1:{free_port()}/postgres",
    )
    found = {one.what: one for one in look_at_database(settings)}
    assert found["connection"].level == "failure" and "DATABASE_URL" in found["connection"].advice
    assert found["storage"].level == "failure" and "SUPABASE_URL" in found["storage"].advice
    assert "hush" not in str(found)


class TestHome:
    def judged(self, home: Path) -> Finding:
        return next(look_at_home(at(home)))

    def test_one_that_cannot_be_written(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        if os.geteuid() == 0:
            # Root is stopped by no mode, but by the kernel's own folders.
            home.rmdir()
            home.symlink_to("/sys/kernel")
        else:
            home.chmod(0o500)
        found = self.judged(home)
        assert found.level == "failure" and "MAQUETTE_HOME" in found.advice

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("")
        found = self.judged(tmp_path / "home" / "deeper")
        assert found.level == "failure" and "is a file" in found.found

    def test_a_full_disk(self, tmp_path: Path) -> None:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, check=False
        )
        if mounted.returncode != 0:
            pytest.skip("no right to mount a small disk here")
        try:
            found = self.judged(tmp_path)
            assert found.level == "failure" and "disk is full" in found.found and "Free some space" in found.advice
            assert list(tmp_path.iterdir()) == []
            disk = {one.what: one for one in look_at_machine(at(tmp_path))}["free disk"]
            assert disk.level == "failure" and "MAQUETTE_DISK_FLOOR_MB" in disk.found
        finally:
            subprocess.run(["umount", tmp_path], check=True)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_one_of_another_user(self, tmp_path: Path) -> None:
        os.chown(tmp_path, 12345, 12345)
        found = self.judged(tmp_path)
        assert found.level == "warning" and "user 12345" in found.found

    def test_the_lock(self, tmp_path: Path) -> None:
        def lock() -> Finding:
            return list(look_at_home(at(tmp_path)))[1]

        assert lock().ok and "no server runs" in lock().found
        stack_file(tmp_path).parent.mkdir()
        stack_file(tmp_path).write_text("{}")
        lock_file(tmp_path).write_text("4194304")
        assert lock().level == "ok" and "was killed" in lock().found
        stack_file(tmp_path).unlink()
        with hold_home(tmp_path):
            assert lock().level == "warning" and f"kill {os.getpid()}" in lock().advice


class TestPort:
    def test_taken_by_another_program(self, tmp_path: Path) -> None:
        settings = at(tmp_path)
        assert look_at_server(settings).what == "port" and look_at_server(settings).ok
        with socket.socket() as other:
            other.bind(("127.0.0.1", settings.port))
            other.listen()
            other.settimeout(0.1)
            found = look_at_server(settings)
        assert found.level == "failure" and str(settings.port) in found.found and "MAQUETTE_PORT" in found.advice

    def test_a_server_that_does_not_answer(self, stack: EmbeddedStack) -> None:
        """The stack of the tests runs, and nothing serves its API."""
        found = look_at_server(at(stack.home))
        assert found.level == "failure" and "does not answer" in found.found


class TestPackages:
    def test_one_that_is_missing(self) -> None:
        found = {one.what: one for one in look_at_packages(("json", "no_such_package_of_ours"))}
        assert (
            found["no_such_package_of_ours"].level == "failure"
            and "make install" in found["no_such_package_of_ours"].advice
        )
        assert "json" not in found

    def test_those_that_cannot_be_loaded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "breaks_here.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
        (tmp_path / "kills_python.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        found = {one.what: one for one in look_at_packages(("json", "breaks_here", "kills_python"))}
        assert "libGL.so.1" in found["breaks_here"].found and found["breaks_here"].level == "failure"
        assert "-11" in found["kills_python"].found and found["kills_python"].level == "failure"
        assert "packages" not in found


class TestModels:
    def test_none(self, tmp_path: Path) -> None:
        (found,) = look_at_models(at(tmp_path))
        assert found.ok

    def test_a_folder_that_is_none(self, tmp_path: Path) -> None:
        (found,) = look_at_models(at(tmp_path, models_dir=tmp_path / "nowhere"))
        assert found.level == "failure" and "MAQUETTE_MODELS_DIR" in found.found

    def test_broken_ones(self, tmp_path: Path) -> None:
        free = next(entry for entry in MODELS if entry.commercial)
        refused = next(entry for entry in MODELS if not entry.commercial)
        for entry in (free, refused):
            (tmp_path / entry.name).mkdir()
        manifest = {
            "name": free.name,
            "revision": free.revision,
            "pulled_at": "2026-01-01T00:00:00+00:00",
            "files": {"weights.bin": {"bytes": 10, "sha256": "0" * 64, "checked_against": "nothing"}},
        }
        (tmp_path / free.name / "maquette.json").write_text(json.dumps(manifest))
        (tmp_path / free.name / "weights.bin").write_bytes(b"cut")
        (tmp_path / refused.name / "weights.bin").write_bytes(b"x")
        settings = at(tmp_path, models_dir=tmp_path)
        found = {one.what: one for one in look_at_models(settings)}
        assert "weights.bin" in found[f"model {free.name}"].found
        assert found[f"model {free.name}"].level == "failure" and "models pull" in found[f"model {free.name}"].advice
        assert "MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS" in found[f"model {refused.name}"].advice
        (tmp_path / free.name / "maquette.json").write_text("{")
        found = {one.what: one for one in look_at_models(settings)}
        assert "manifest cannot be read" in found[f"model {free.name}"].found

    def test_code_of_a_model_that_does_not_exist(self, tmp_path: Path) -> None:
        found = list(look_at_models(at(tmp_path, trust_model_code=("zero124plus",))))
        assert found[0].level == "failure" and "zero124plus" in found[0].found


class TestRunning:
    def test_a_database_that_serves(self, stack: EmbeddedStack, storage: Connections) -> None:
        found = {one.what: one for one in look_at_database(at(stack.home))}
        assert found["connection"].ok and found["migrations"].ok and found["secret key"].ok and found["clock"].ok
        assert "workers" in found

    async def test_no_worker_and_one_of_another_version(self, stack: EmbeddedStack) -> None:
        url, worker_id = stack.connections.database_url, uuid.uuid4()
        facts = workers.WorkerFacts("gpu-host", 1, ["cpu", "gpu"], 2, "0.0.1", gpu_name="NVIDIA H200")
        async with await connect_async(url) as conn:
            await workers.write(conn, worker_id, facts)
        try:
            found = {one.what: one for one in await look_at_workers(url)}
        finally:
            async with await connect_async(url) as conn:
                await workers.remove(conn, worker_id)
        assert "gpu-host (cpu+gpu, 2 at once, NVIDIA H200)" in found["workers"].found
        assert "0.0.1" in found["worker versions"].found and __version__ in found["worker versions"].found
        (after, *_) = await look_at_workers(url)
        assert "gpu-host" not in after.found


@pytest.fixture(scope="module")
def stopped() -> Iterator[Path]:
    """A home whose server was stopped; tests put right what they break."""
    home = Path(tempfile.mkdtemp(prefix="mq-doctor-"))
    home.chmod(0o755)  # Postgres may run under another account
    with run_stack(at(home)):
        pass
    yield home
    data = (home / "postgres").resolve()
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)


class TestStopped:
    def looked_at(self, home: Path) -> list[Finding]:
        return list(look_at_database(at(home)))

    def test_a_sound_one(self, stopped: Path) -> None:
        database, migrations = self.looked_at(stopped)
        assert database.ok and "starts and stops well" in database.found
        assert migrations.ok and "applied" in migrations.found

    def test_data_of_another_postgres(self, stopped: Path) -> None:
        version = stopped / "postgres" / "18" / "PG_VERSION"
        version.write_text("16\n")
        try:
            (found,) = self.looked_at(stopped)
        finally:
            version.write_text("18\n")
        assert found.level == "failure" and "another version of Postgres" in found.found

    def test_damaged_data(self, stopped: Path) -> None:
        control = stopped / "postgres" / "18" / "global" / "pg_control"
        aside = control.with_name("aside")
        control.rename(aside)
        try:
            (found,) = self.looked_at(stopped)
        finally:
            aside.rename(control)
        assert found.level == "failure" and "damaged" in found.found and "backup" in found.advice

    def test_data_open_to_others(self, stopped: Path) -> None:
        data = stopped / "postgres" / "18"
        data.chmod(0o777)
        try:
            (found,) = self.looked_at(stopped)
        finally:
            data.chmod(0o700)
        assert found.level == "failure" and "open to others" in found.found

    def test_lost_passwords(self, stopped: Path) -> None:
        secrets = stopped / "secrets.json"
        aside = stopped / "aside.json"
        secrets.rename(aside)
        try:
            (found,) = self.looked_at(stopped)
            assert not secrets.exists(), "it made new ones, which open nothing"
        finally:
            aside.rename(secrets)
        assert found.level == "failure" and "secrets.json" in found.found

    def test_migrations_that_wait_and_of_a_newer_maquette(self, stopped: Path) -> None:
        def change(statement: str) -> None:
            secrets = load_secrets(stopped)
            with hold_home(stopped):
                postgres = start_postgres(stopped, secrets.admin_password)
                try:
                    password = quote(secrets.database_password, safe="")
                    with connect(f"postgresql://postgres:{password}@127.0.0.1:{postgres.port}/postgres") as conn:
                        conn.execute(statement.encode())
                finally:
                    postgres.stop()

        change(
            "update maquette.maquette_migrations set name = '9999_of_tomorrow.sql'"
            " where name = '0009_survive_anything.sql'"
        )
        _, newer = self.looked_at(stopped)
        change("delete from maquette.maquette_migrations where name = '9999_of_tomorrow.sql'")
        _, waiting = self.looked_at(stopped)
        assert newer.level == "failure" and "9999_of_tomorrow.sql" in newer.found and "newer Maquette" in newer.advice
        assert waiting.ok and "0009_survive_anything.sql is not applied" in waiting.found

    def test_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").symlink_to(tmp_path / "nowhere")
        (found,) = self.looked_at(tmp_path)
        assert found.level == "failure" and "nowhere" in found.found

    def test_only_data_of_an_older_one(self, tmp_path: Path) -> None:
        (tmp_path / "postgres" / "16").mkdir(parents=True)
        (tmp_path / "postgres" / "16" / "PG_VERSION").write_text("16\n")
        (found,) = self.looked_at(tmp_path)
        assert found.level == "failure" and "Postgres 16" in found.found

    def test_a_home_that_somebody_holds(self, stopped: Path) -> None:
        with hold_home(stopped):
            (found,) = self.looked_at(stopped)
        assert found.level == "warning" and "not looked at" in found.found


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("FATAL:  could not write lock file: No space left on device", "disk is full"),
        ('FATAL:  Unix-domain socket path "/x" is too long (maximum 107 bytes)', "path of its socket"),
        ("FATAL:  could not create shared memory segment: Cannot allocate memory", "no memory"),
        ('FATAL:  lock file "postmaster.pid" already exists', "another server"),
        ("PANIC:  could not locate a valid checkpoint record", "damaged"),
    ],
)
def test_reasons_are_said_in_words(said: str, meaning: str) -> None:
    error = DatabaseStartError(f"The embedded Postgres did not start: {said}", suggestion="Look.")
    assert meaning in explain(error, []).found and explain(error, []).advice != "Look."
    silent = DatabaseStartError("The embedded Postgres did not start: it was not ready in time", suggestion="Look.")
    assert meaning in explain(silent, [said]).found
    unknown = explain(silent, ["LOG:  something new"])
    assert unknown.found.endswith("Its log ends: LOG:  something new") and unknown.advice == "Look."


def test_too_much_memory_for_a_step(tmp_path: Path) -> None:
    found = {one.what: one for one in look_at_machine(at(tmp_path, step_memory_mb=10**9))}
    assert found["memory"].level == "warning" and "MAQUETTE_STEP_MEMORY_MB" in found["memory"].advice
