"""The list of a pulled model's files: written once when it was pulled, compared with by ``verify`` ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from maquette.models.errors import BadManifestError
from maquette.recon.atomic import replacing

FILE = "maquette.json"

CheckedAgainst = Literal["registry", "hub", "nothing"]


@dataclass(frozen=True)
class ListedFile:
    """``checked_against``: the registry's sha256, the hub's own word at the pull, or nothing (the first pull)."""

    bytes: int
    sha256: str
    checked_against: CheckedAgainst


@dataclass(frozen=True)
class Manifest:
    """What was pulled, from which revision, when (UTC, ISO 8601); files by their path in the folder."""

    name: str
    revision: str
    pulled_at: str
    files: Mapping[str, ListedFile]


def read_manifest(folder: Path) -> Manifest | None:
    """None for a folder that was not pulled. Raises :class:`BadManifestError`."""
    try:
        told = json.loads((folder / FILE).read_text())
        files = {path: ListedFile(**described) for path, described in told["files"].items()}
        return Manifest(told["name"], told["revision"], told["pulled_at"], files)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadManifestError(folder.name) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it so that a crash leaves none or a whole one."""
    with replacing(folder / FILE) as file:
        file.write((json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n").encode())


def git_blob_of(path: Path) -> str:
    """Git's name of the content, which is all that the hub says of small files."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
