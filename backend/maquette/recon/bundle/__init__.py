"""A whole project as one file: what every installation can read again, and people too (``docs/bundle.md``).

A ZIP whose files are stored as they are: ``README.txt``, ``metrics.json``, each object once as ``objects/<sha256>``,
and ``manifest.json``, which tells what they are. It is no :class:`~maquette.recon.formats.Format`: those hold one
model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from maquette.recon.bundle.errors import BundleNewerError, BundleTooLargeError, BundleUnreadableError
from maquette.recon.bundle.manifest import VERSION, Manifest
from maquette.recon.bundle.reading import Bundle, open_bundle
from maquette.recon.bundle.writing import BundleWriter, describe


@dataclass(frozen=True)
class Listing:
    """What a list of formats tells of bundles."""

    name: str
    extension: str
    mime: str
    description: str


BUNDLE: Final = Listing(
    name="bundle",
    extension=".bundle.zip",
    mime="application/zip",
    description="The whole project with photos, every version, metrics and exports: to keep, or to import elsewhere"
    " with `POST /api/v1/projects/import`.",
)

__all__ = [
    "BUNDLE",
    "VERSION",
    "Bundle",
    "BundleNewerError",
    "BundleTooLargeError",
    "BundleUnreadableError",
    "BundleWriter",
    "Listing",
    "Manifest",
    "describe",
    "open_bundle",
]
