"""The ready sample: a finished project that comes with the package, as a bundle that our own steps made.

``tools/make_sample.py`` makes it; docs/bundle.md tells when that is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from maquette.db.rows import Connection, Row
from maquette.db.sample import imported_before
from maquette.errors import NotFoundError
from maquette.recon.bundle import Bundle, open_bundle

SAMPLE: Final = Path(__file__).parents[1] / "sample" / "still-life.bundle.zip"


class SampleMissingError(NotFoundError):
    """This installation came without the sample."""

    code = "sample_missing"


@contextmanager
def open_sample() -> Iterator[Bundle]:
    """The sample's bundle. Raises ``sample_missing``."""
    if not SAMPLE.is_file():
        raise SampleMissingError(
            "This installation came without the sample project.",
            suggestion="Install Maquette again, or see `maquette demo`, which makes a project of its own photos.",
        )
    with open_bundle(SAMPLE) as bundle:
        yield bundle


async def opened_before(conn: Connection, owner_id: UUID, bundle: Bundle) -> Row | None:
    """The owner's project that this sample was imported as; None where there is none, or it was deleted."""
    return await imported_before(conn, owner_id, str(bundle.manifest.project.get("id")))
