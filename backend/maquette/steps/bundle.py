"""The export of a whole project: its objects and its manifest become one file, read back before it counts."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from maquette.errors import BadInputError
from maquette.recon.bundle import BUNDLE, BundleWriter, Manifest, open_bundle
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.records import Export, File, Warn
from maquette.steps.sink import Sink

MANIFEST, OBJECTS = "bundle/manifest.json", "bundle/objects"
"""Where in the step's folder the project lies: rows, and each object under its SHA-256."""
OF_MODELS = ("preset", "filter_floaters", "optimize", "up_axis", "scale", "origin", "crop")


class NoOptionOfBundlesError(BadInputError):
    """A bundle takes a project as it is; and only a bundle can leave intermediates out."""

    code = "no_option_of_format"


def check_options(wanted: ExportParameters) -> None:
    """Raise ``no_option_of_format`` where something was asked of a format that knows nothing of it."""
    untouched = ExportParameters()
    if wanted.format != BUNDLE.name:
        given = ["light"] if wanted.light else []
    else:
        given = [name for name in OF_MODELS if getattr(wanted, name) != getattr(untouched, name)]
    if given:
        raise NoOptionOfBundlesError(
            f"'{wanted.format}' has no option {' or '.join(given)}.",
            suggestion="Leave it out: a bundle holds the project as it is." if given != ["light"] else "Leave it out.",
            options=given,
        )


def export_bundle(folder: Folder, wanted: ExportParameters, sink: Sink) -> dict[str, Any]:
    """Write ``exports/project….bundle.zip`` from :data:`MANIFEST` and :data:`OBJECTS`, and keep an :class:`Export`.

    What storage had lost is marked as removed in it, with a warning. Raises ``bundle_too_large``.
    """
    began = time.monotonic()
    if wanted.version is None:
        raise ValueError("a bundle is listed under a version, which fetch has settled")
    told = json.loads((folder.root / MANIFEST).read_text())
    objects = folder.root / OBJECTS
    path = folder.exports / f"project{'_light' if wanted.light else ''}{BUNDLE.extension}"
    whole = sum(told["objects"].values()) or 1
    with BundleWriter(path) as writer:
        written = 0
        for digest, size in told["objects"].items():
            sink.progress("writing", written / whole, f"{written / 1e6:.0f} of {whole / 1e6:.0f} MB")
            if (objects / digest).exists():
                writer.add(digest, objects / digest)
            written += size
        manifest = without_lost(Manifest(**told), writer.objects, sink)
        writer.finish(manifest)
    sink.progress("checking", 0.0, "reading it back")
    with open_bundle(path) as bundle:
        bundle.verify()
    made_from = tuple(f"{OBJECTS}/{digest}" for digest in writer.objects)
    counts = {"objects": len(writer.objects), "rows": sum(map(len, manifest.tables.values()))}
    sink.keep(
        Export(
            version=wanted.version,
            format=BUNDLE.name,
            options={"light": wanted.light},
            file=File(kind="export", path=folder.relative(path), mime=BUNDLE.mime, made_from=made_from),
            seconds=round(time.monotonic() - began, 3),
            details={**counts, "schema": manifest.schema},
        )
    )
    sink.progress("checking", 1.0)
    return {
        "version": wanted.version,
        "format": BUNDLE.name,
        "bytes": path.stat().st_size,
        "measured_loss": None,
        **counts,
    }


def without_lost(manifest: Manifest, written: dict[str, int], sink: Sink | None = None) -> Manifest:
    """The manifest of what was really written; artifacts whose object was nowhere count as removed."""
    lost = set(manifest.objects) - set(written)
    if not lost:
        return manifest
    artifacts = [
        {**one, "removed_at": one["removed_at"] or (manifest.made_at if one["sha256"] in lost else None)}
        for one in manifest.tables["artifacts"]
    ]
    if sink is not None:
        sink.warn(
            Warn(
                code="objects_missing",
                message=f"{len(lost)} of {len(manifest.objects)} files are not in the bundle: storage has lost them.",
                suggestion="`maquette gc --dry-run` finds rows whose object is gone.",
                degraded=True,
            )
        )
    return replace(manifest, tables={**manifest.tables, "artifacts": artifacts}, objects=written)
