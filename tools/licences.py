"""Writes docs/licences.md: what every package of requirements.lock says of its licence, by its own metadata."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"

UNREAD = "not read: it was not installed where this page was written"

HEAD = """# Licences of what Maquette installs

Every package of `requirements.lock`, by what its own metadata says; `python tools/licences.py` writes this page, and a
test says when it misses one. Models that `maquette models pull` fetches are another matter: [models.md](models.md).

| package | licence |
|---|---|
"""


def locked() -> list[str]:
    """The names in the lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line.partition("==")[0].strip() for line in lines if "==" in line]


def licence_of(name: str) -> str:
    """The SPDX expression where there is one, else the classifiers, else the field's first line; "" for nothing."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""  # in the lock, and not in this environment
    if expression := told.get("License-Expression"):
        return str(expression)
    kinds = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    kinds = [one for one in kinds if one != "OSI Approved"]
    if kinds:
        return " or ".join(kinds)
    return re.sub(r"\s+", " ", str(told.get("License") or "").strip().partition("\n")[0])[:80]


def main() -> int:
    """Write the page; 1 where a package's licence could not be read."""
    rows = {name: licence_of(name) for name in sorted(locked(), key=str.casefold)}
    PAGE.write_text(HEAD + "".join(f"| {name} | {told or UNREAD} |\n" for name, told in rows.items()))
    silent = [name for name, told in rows.items() if not told]
    if silent:
        print("no licence was read of:", ", ".join(silent), file=sys.stderr)
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
