"""The home folder: who holds it, and the secrets of the stack that lives in it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from maquette.errors import MaquetteError, WrongStateError
from maquette.settings import lock_file


class HomeInUseError(WrongStateError):
    """Another server holds this home."""

    code = "home_in_use"


class HomeNotWritableError(MaquetteError):
    """The home folder cannot be made or written."""

    code = "home_not_writable"


@dataclass(frozen=True)
class StackSecrets:
    """Made once for each home and kept in ``secrets.json``, readable by its owner only."""

    admin_password: str = field(repr=False)
    database_password: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    secret_key: str = field(repr=False)
    publishable_key: str = field(repr=False)


@contextmanager
def hold_home(home: Path, wait_s: float = 1.0) -> Iterator[None]:
    """Hold the home's lock; :class:`HomeInUseError` where another server has it.

    The lock belongs to the open file, so it ends with the process however that ends.
    """
    path = lock_file(home)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise HomeNotWritableError(
            f"The folder {home} cannot be written: {error.strerror}.",
            suggestion="Give this user the right to write it, or set MAQUETTE_HOME to another folder.",
        ) from error
    with os.fdopen(handle, "r+") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A short wait: whoever asks whether a server runs holds the lock for a moment.
                if time.monotonic() > deadline:
                    holder = file.read().strip()
                    raise HomeInUseError(
                        f"Another Maquette server already runs on {home}{f' (process {holder})' if holder else ''}.",
                        suggestion="Use the one that runs, stop it first, or set MAQUETTE_HOME to another folder.",
                    ) from None
                time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def load_secrets(home: Path) -> StackSecrets:
    """The home's secrets, made on first use."""
    path = home / "secrets.json"
    if path.exists():
        return StackSecrets(**json.loads(path.read_text()))
    made = StackSecrets(
        admin_password=secrets.token_urlsafe(32),
        database_password=secrets.token_urlsafe(32),
        jwt_secret=secrets.token_urlsafe(48),
        secret_key=f"sb_secret_{secrets.token_urlsafe(32)}",
        publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
    )
    write_private(path, json.dumps(asdict(made), indent=2))
    return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
