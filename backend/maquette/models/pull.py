"""Bring a model's files to this machine: checked, all or nothing, going on where it stopped."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from maquette.models import hub
from maquette.models.download import download
from maquette.models.errors import (
    ChecksumError,
    FolderInTheWayError,
    ModelLicenceRefusedError,
    NotEnoughDiskError,
    PullRunningError,
)
from maquette.models.installed import Installed, look, partial_folder
from maquette.models.manifest import CheckedAgainst, ListedFile, Manifest, git_blob_of, write_manifest
from maquette.models.registry import HubSource, ModelEntry
from maquette.progress import Progress
from maquette.recon.digest import sha256_of

TIMEOUT_S = 20.0
"""Longest wait for a connection and for each next piece of a file."""
_SPARE_BYTES = 500_000_000

Heard = Callable[[int], None]


@dataclass(frozen=True)
class _Wanted:
    """One file to bring, and what is known of it beforehand."""

    path: str
    bytes: int | None
    sha256: str | None
    git_blob: str | None
    checked_against: CheckedAgainst
    fetch: Callable[[Heard], None]


def pull(
    entry: ModelEntry,
    models_dir: Path,
    *,
    allow_noncommercial: bool = False,
    progress: Progress | None = None,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Installed:
    """Fetch, check and list the files, then give the folder its name; nothing where that was done before.

    ``endpoint`` is the hub's address where it is not the usual one. Raises :class:`ModelLicenceRefusedError`,
    :class:`FolderInTheWayError`, :class:`PullRunningError`, :class:`NotEnoughDiskError`,
    :class:`SourceUnreachableError`, :class:`SourceRefusesError` and :class:`ChecksumError`.
    """
    if not entry.commercial and not allow_noncommercial:
        raise ModelLicenceRefusedError(entry.name, entry.licence)
    found = look(entry, models_dir)
    if found.state == "pulled":
        return found
    if found.state == "local":
        raise FolderInTheWayError(entry.name)
    partial = partial_folder(models_dir, entry.name)
    with _alone(partial, entry.name):
        wanted = _plan(entry, partial, endpoint, timeout_s)
        _check_disk(entry, wanted, partial)
        files = _fetch_all(entry, wanted, partial, progress)
        manifest = Manifest(entry.name, entry.revision, datetime.now(UTC).isoformat(timespec="seconds"), files)
        write_manifest(partial, manifest)
        shutil.rmtree(partial / ".cache", ignore_errors=True)  # the hub client's own notes
        _put_in_place(partial, found.folder)
    return look(entry, models_dir)


def _plan(entry: ModelEntry, partial: Path, endpoint: str | None, timeout_s: float) -> list[_Wanted]:
    wanted: list[_Wanted] = []
    for source in entry.sources:
        if isinstance(source, HubSource):
            for file in hub.list_files(source, entry.name, endpoint, timeout_s):
                known = source.sha256.get(file.path)

                def from_hub(heard: Heard, source: HubSource = source, path: str = file.path) -> None:
                    hub.fetch(source, path, partial, entry.name, heard, endpoint, timeout_s)

                against: CheckedAgainst = "registry" if known else "hub"
                sha256 = known or file.sha256
                wanted.append(_Wanted(file.path, file.bytes, sha256, file.git_blob, against, from_hub))
        else:

            def from_url(heard: Heard, url: str = source.url, path: str = source.path) -> None:
                download(url, partial / path, entry.name, heard, timeout_s)

            against = "registry" if source.sha256 else "nothing"
            wanted.append(_Wanted(source.path, source.bytes, source.sha256, None, against, from_url))
    return wanted


def _check_disk(entry: ModelEntry, wanted: list[_Wanted], partial: Path) -> None:
    there = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
    needed = _total(entry, wanted) - there
    free = shutil.disk_usage(partial).free
    if needed + _SPARE_BYTES > free:
        raise NotEnoughDiskError(entry.name, needed, free)


def _total(entry: ModelEntry, wanted: list[_Wanted]) -> int:
    """Bytes of all files; about, by the registry, where the source does not say."""
    known = sum(file.bytes or 0 for file in wanted)
    return max(known, entry.bytes, 1) if any(file.bytes is None for file in wanted) else max(known, 1)


def _fetch_all(
    entry: ModelEntry, wanted: list[_Wanted], partial: Path, progress: Progress | None
) -> dict[str, ListedFile]:
    total = _total(entry, wanted)
    before = 0
    files: dict[str, ListedFile] = {}
    for number, file in enumerate(wanted, 1):

        def heard(there: int, before: int = before, number: int = number, path: str = file.path) -> None:
            if progress is not None:
                done = before + there
                message = f"{path} ({number} of {len(wanted)}), {done / 1e6:.0f} of {total / 1e6:.0f} MB"
                progress(entry.name, min(1.0, done / total), message)

        path = partial / file.path
        if not (path.is_file() and path.stat().st_size == file.bytes):
            file.fetch(heard)
        files[file.path] = _checked(entry, file, path)
        before += files[file.path].bytes
        heard(0, before=before)
    return files


def _checked(entry: ModelEntry, file: _Wanted, path: Path) -> ListedFile:
    """The file as the manifest lists it; one that is wrong is thrown away, so that the next pull starts it over."""
    size, sha256 = path.stat().st_size, sha256_of(path)
    faults = (
        (file.bytes is not None and size != file.bytes, f"{size} bytes", f"{file.bytes}"),
        (file.sha256 is not None and sha256 != file.sha256, f"sha256 {sha256}", f"{file.sha256}"),
        (file.git_blob is not None and git_blob_of(path) != file.git_blob, "other content", f"git {file.git_blob}"),
    )
    for wrong, found, expected in faults:
        if wrong:
            path.unlink()
            raise ChecksumError(entry.name, file.path, found, expected)
    return ListedFile(size, sha256, file.checked_against)


def _put_in_place(partial: Path, folder: Path) -> None:
    """An older or broken folder makes room only now that the new one is whole."""
    old = partial.with_name(f"{partial.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.is_dir():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone(partial: Path, name: str) -> Iterator[None]:
    """Hold the model against a second pull; the lock ends with the process, however that ends."""
    partial.mkdir(parents=True, exist_ok=True)
    with partial.with_name(f"{name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PullRunningError(name) from None
        yield
