"""The hash by which a file's bytes are known everywhere: in records, object keys, caches and lists of models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = 4 * 2**20


def sha256_of(path: Path, heard: Callable[[int], None] = lambda read: None) -> str:
    """Hex digest of the file, read piece by piece; ``heard`` is told the bytes of each piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            heard(len(block))
    return digest.hexdigest()
