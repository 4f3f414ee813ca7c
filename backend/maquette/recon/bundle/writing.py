"""Writes a bundle, one object after the other: no more than a piece of one is in memory."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from maquette.recon.atomic import replacing
from maquette.recon.bundle.manifest import Manifest, Row

CHUNK = 1 << 20
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP can tell: when it was made, the manifest says."""


class ObjectChangedError(RuntimeError):
    """A file is not what its name says."""


class BundleWriter:
    """Appears at ``path`` whole when the block ends after :meth:`finish`, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, int] = {}
        self._finished = False

    def __enter__(self) -> BundleWriter:
        """Begin the file beside its place."""
        self._replacing = replacing(self._path)
        self._archive = zipfile.ZipFile(self._replacing.__enter__(), "w", zipfile.ZIP_STORED, allowZip64=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put it into its place, or take it away. Raises ``RuntimeError`` where nobody finished it."""
        unfinished = RuntimeError("a bundle was left unfinished") if kind is None and not self._finished else None
        failed = error or unfinished
        try:
            # Also of one that is given up, or its end would be written when the archive is collected.
            self._archive.close()
        except BaseException as refused:
            self._replacing.__exit__(type(refused), refused, refused.__traceback__)
            raise
        self._replacing.__exit__(type(failed) if failed else None, failed, trace)
        if unfinished is not None:
            raise unfinished

    @property
    def objects(self) -> dict[str, int]:
        """Bytes of what was added, by SHA-256."""
        return dict(self._written)

    def add(self, digest: str, path: Path) -> None:
        """Add an object once, however often it is given. Raises :class:`ObjectChangedError`."""
        if digest in self._written:
            return
        found = hashlib.sha256()
        size = 0
        with path.open("rb") as source, self._entry(f"objects/{digest}", path.stat().st_size) as target:
            while chunk := source.read(CHUNK):
                found.update(chunk)
                target.write(chunk)
                size += len(chunk)
        if found.hexdigest() != digest:
            raise ObjectChangedError(f"{path.name} is not the object {digest}")
        self._written[digest] = size

    def finish(self, manifest: Manifest) -> None:
        """Add what tells of the objects; last, for now it is known which there are."""
        words = {
            "metrics.json": json.dumps(metrics_of(manifest), indent=1, ensure_ascii=False),
            "README.txt": describe(manifest),
        }
        for name, data in (
            *((name, text.encode()) for name, text in words.items()),
            ("manifest.json", manifest.as_json()),
        ):
            with self._entry(name, len(data)) as target:
                target.write(data)
        self._finished = True

    @contextmanager
    def _entry(self, name: str, size: int) -> Iterator[IO[bytes]]:
        told = zipfile.ZipInfo(name, LONG_AGO)
        told.external_attr = 0o644 << 16
        with self._archive.open(told, "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as target:
            yield target


def metrics_of(manifest: Manifest) -> dict[str, Any]:
    """What was measured of each version, for people and programs that know nothing of our tables."""
    measured = manifest.tables.get("refinement_metrics", [])
    told = ("version", "split", "view_index", "psnr", "ssim", "lpips", "depth_consistency", "overall_quality")
    return {
        "versions": [
            {
                name: model.get(name)
                for name in ("version", "parent_version", "promoted", "num_gaussians", "psnr", "ssim")
            }
            for model in versions_of(manifest)
        ],
        "metrics": [
            {name: row.get(name) for name in told}
            for row in sorted(measured, key=lambda row: (row["version"], row["split"], row["view_index"] or -1))
        ],
    }


def versions_of(manifest: Manifest) -> list[Row]:
    """The rows of model versions, oldest first."""
    return sorted(manifest.tables.get("gaussian_splat_models", []), key=lambda model: int(model["version"]))


def describe(manifest: Manifest) -> str:
    """``README.txt``: what this is, for whoever finds it in ten years."""
    models = versions_of(manifest)
    artifacts = manifest.tables.get("artifacts", [])
    there = [artifact for artifact in artifacts if artifact.get("removed_at") is None]
    lines = [
        f"{manifest.project['name']}",
        "",
        f"A project of Maquette (photos to 3D models), written by {manifest.generator} on {manifest.made_at}.",
        "",
        "manifest.json   every row of the project by table, and the SHA-256 of every object",
        "objects/        the files themselves, each under its SHA-256; the rows of the table `artifacts` in the",
        "                manifest tell what each is (kind, path, mime), `artifact_inputs` what it was made from",
        "metrics.json    what was measured of each version (PSNR in dB, SSIM; `held_out` photos were never trained on)",
        "",
        f"{len(manifest.tables.get('source_images', []))} photos, {len(models)} versions,"
        f" {len(there)} files of {sum(manifest.objects.values()) / 1e6:.1f} MB.",
        *(
            [f"{len(artifacts) - len(there)} files are not here: they were cleared away, or left out (light)."]
            if len(there) < len(artifacts)
            else []
        ),
        "",
        "Versions and their models (PLY of Gaussians, which most splat viewers open; add the ending .ply):",
        *(_told_of(model, artifacts) for model in models),
        "",
        "Import it into any Maquette: POST /api/v1/projects/import, or `maquette data import FILE`.",
        "",
    ]
    return "\n".join(lines)


def _told_of(model: Row, artifacts: list[Row]) -> str:
    digest = next((one["sha256"] for one in artifacts if one["id"] == model["model_artifact_id"]), "?")
    measured = "" if model.get("psnr") is None else f", PSNR {model['psnr']:.2f} dB SSIM {model['ssim']:.3f}"
    chosen = " (promoted)" if model.get("promoted") else ""
    return f"  v{model['version']}{chosen}: {model['num_gaussians']} Gaussians{measured}, objects/{digest}"
