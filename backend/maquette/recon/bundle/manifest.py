"""The manifest: who wrote the bundle and when, the project's rows by table, and its objects by SHA-256."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from maquette.recon.bundle.errors import BundleNewerError, BundleTooLargeError, BundleUnreadableError

VERSION: Final = 1
"""Counts changes that older readers would misread. Columns and tables that a reader does not know it refuses anyway."""
MOST_BYTES: Final = 32 * 2**20
"""Of a manifest: it is read whole. A project of 200 photos and ten refined versions has 3 MB."""
MOST_ROWS: Final = 100_000
SHA256: Final = re.compile(r"[0-9a-f]{64}")

Row = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """``schema``: the newest migration that the rows know, as ``0013_keep_meshes.sql``. ``objects``: bytes by SHA-256.

    ``light``: intermediates were left out. ``project``: id, name and the like; never an owner.
    """

    generator: str
    made_at: str
    schema: str
    light: bool
    project: Row
    tables: dict[str, list[Row]]
    objects: dict[str, int] = field(default_factory=dict)
    bundle: int = VERSION

    def as_json(self) -> bytes:
        """Raises ``bundle_too_large`` for what no reader would take."""
        data = json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False).encode()
        if len(data) > MOST_BYTES or sum(map(len, self.tables.values())) > MOST_ROWS:
            raise _too_large()
        return data


def read_manifest(data: bytes) -> Manifest:
    """Check what :meth:`Manifest.as_json` wrote. Raises ``bundle_newer``, ``bundle_too_large``, ``bundle_unreadable``.

    What the rows mean is not looked at: that is their tables' business.
    """
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleUnreadableError("its manifest is damaged") from error
    if not isinstance(told, dict) or type(told.get("bundle")) is not int or told["bundle"] < 1:
        raise BundleUnreadableError("its manifest does not say that it is one")
    if told["bundle"] > VERSION:
        raise BundleNewerError("format", told["bundle"], VERSION)
    shapes: Mapping[str, type] = {
        "generator": str,
        "made_at": str,
        "schema": str,
        "light": bool,
        "project": dict,
        "tables": dict,
        "objects": dict,
    }
    for name, shape in shapes.items():
        if type(told.get(name)) is not shape:
            raise BundleUnreadableError(f"its manifest has no {name}")
    if set(told) - {"bundle", *shapes}:
        raise BundleUnreadableError("its manifest says more than one does")
    for name, rows in told["tables"].items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BundleUnreadableError(f"its table {name[:60]} has no rows")
    if sum(map(len, told["tables"].values())) > MOST_ROWS:
        raise _too_large()
    for digest, size in told["objects"].items():
        if not SHA256.fullmatch(digest) or type(size) is not int or size < 0:
            raise BundleUnreadableError("its list of objects is damaged")
    return Manifest(**told)


def _too_large() -> BundleTooLargeError:
    return BundleTooLargeError(
        f"The project has more rows than a bundle holds: {MOST_ROWS}, or {MOST_BYTES // 2**20} MiB of them.",
        suggestion="Export the versions you need as files of their own, as `ply` and `colmap`.",
    )
