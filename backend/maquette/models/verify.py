"""Recompute a model's checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maquette.models.installed import Installed
from maquette.models.manifest import FILE
from maquette.progress import Progress
from maquette.recon.digest import sha256_of
from maquette.recon.weights import WeightsMissingError

Verdict = Literal["ok", "changed", "missing", "extra", "unknown"]


@dataclass(frozen=True)
class FileVerdict:
    """``extra``: code or weights that no pull brought; ``unknown``: nothing is known to compare the file with."""

    path: str
    verdict: Verdict

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the file."""
        return self.verdict in ("ok", "unknown")


def verify(found: Installed, progress: Progress | None = None) -> list[FileVerdict]:
    """One verdict for each file, by path. A pulled folder is compared with its manifest and with the registry's
    checksums, one that a user put there with the latter alone.

    Raises :class:`WeightsMissingError` and :class:`BadManifestError`.
    """
    if found.state in ("absent", "partial"):
        raise WeightsMissingError(found.entry.name)
    if found.state == "broken":
        from maquette.models.errors import BadManifestError

        raise BadManifestError(found.entry.name)
    listed = {path: file.sha256 for path, file in found.manifest.files.items()} if found.manifest else {}
    # The registry has the last word: a manifest could have been written by whoever changed the file.
    expected = listed | (found.entry.known_sha256 if found.state != "outdated" else {})
    there = {
        path.relative_to(found.folder).as_posix(): path
        for path in sorted(found.folder.rglob("*"))
        if path.is_file() and path.name != FILE
    }
    total = sum(path.stat().st_size for path in there.values()) or 1
    read = 0

    def heard(count: int) -> None:
        nonlocal read
        read += count
        if progress is not None:
            progress(found.entry.name, min(1.0, read / total), "")

    verdicts = {path: FileVerdict(path, "missing") for path in expected if path not in there}
    for path, file in there.items():
        digest = sha256_of(file, heard)
        verdicts[path] = FileVerdict(path, _judge(path, digest, expected, pulled=found.manifest is not None))
    return [verdicts[path] for path in sorted(verdicts)]


def _judge(path: str, digest: str, expected: dict[str, str], *, pulled: bool) -> Verdict:
    if path in expected:
        return "ok" if expected[path] == digest else "changed"
    return "extra" if pulled and Path(path).suffix in (".py", ".safetensors", ".bin", ".onnx", ".pth") else "unknown"
