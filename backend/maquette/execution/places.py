"""Which bucket and key each kind of file that a step makes goes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from maquette.recon.digest import sha256_of
from maquette.steps.records import (
    DepthMaps,
    Export,
    File,
    Images,
    Iteration,
    MadeMesh,
    Model,
    Record,
    RenewedViews,
    Views,
)
from maquette.storage import buckets, keys

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/tiff": "tif",
    "image/heic": "heic",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "application/json": "json",
}


@dataclass(frozen=True)
class Placed:
    """A file of a record with the place it is stored at."""

    file: File
    bucket: str
    key: str


def place_files(record: Record, folder: Path, project_id: UUID, made_by: str) -> Iterator[Placed]:
    """Every file of a record, inputs before what was made from them; ``made_by`` as :func:`maquette.storage.keys.maker`
    tells.
    """
    match record:
        case Images():
            yield from _of_upload(record, folder, project_id, made_by)
        case Views():
            for file in record.scene_files:
                key = keys.scene_file(project_id, made_by, Path(file.path).name)
                yield Placed(file, buckets.MULTIVIEW_IMAGES, key)
            for view in record.views:
                extension = EXTENSIONS[view.image.mime]
                key = keys.view_image(project_id, made_by, view.view_index, extension)
                yield Placed(view.image, buckets.MULTIVIEW_IMAGES, key)
                if view.mask is not None:
                    key = keys.view_mask(project_id, made_by, Path(view.mask.path).name)
                    yield Placed(view.mask, buckets.MULTIVIEW_IMAGES, key)
                if view.prior is not None:
                    key = keys.view_prior(project_id, made_by, Path(view.prior.path).name)
                    yield Placed(view.prior, buckets.MULTIVIEW_IMAGES, key)
        case RenewedViews():
            yield Placed(
                record.cameras,
                buckets.MULTIVIEW_IMAGES,
                keys.scene_file(project_id, made_by, Path(record.cameras.path).name),
            )
            for view in record.views:
                key = keys.view_image(project_id, made_by, view.view_index, EXTENSIONS[view.image.mime])
                yield Placed(view.image, buckets.MULTIVIEW_IMAGES, key)
        case Model():
            if record.iteration is not None:
                yield from _of_round(record.iteration, project_id, made_by)
            # Two of the first three are the same file: the version is one of the other two.
            files = (record.model, record.unfiltered, record.filtered, record.checkpoint, record.preview)
            for file in {file.path: file for file in reversed(files)}.values():
                key = keys.model_file(project_id, made_by, record.version, Path(file.path).name)
                yield Placed(file, buckets.MODELS, key)
        case DepthMaps():
            for depth in record.depth_maps:
                key = keys.depth_map(project_id, made_by, depth.view_index)
                yield Placed(depth.depth, buckets.DEPTH_MAPS, key)
                key = keys.depth_heatmap(project_id, made_by, depth.view_index)
                yield Placed(depth.heatmap, buckets.DEPTH_MAPS, key)
        case MadeMesh():
            for one in record.files:
                key = keys.mesh_file(project_id, made_by, record.version, one.name)
                yield Placed(one.file, buckets.MODELS, key)
        case Export():
            key = keys.export_file(project_id, made_by, Path(record.file.path).name)
            yield Placed(record.file, buckets.MODELS, key)


def _of_upload(record: Images, folder: Path, project_id: UUID, made_by: str) -> Iterator[Placed]:
    """Originals by their contents, each once: all frames of a video have it as their original."""
    for file in record.poses:
        yield Placed(file, buckets.PROJECT_UPLOADS, keys.poses_file(project_id, made_by, Path(file.path).name))
    originals = [image.original for image in record.images if image.original is not None]
    for file in {file.path: file for file in originals}.values():
        key = keys.original(project_id, sha256_of(folder / file.path), EXTENSIONS.get(file.mime, "bin"))
        yield Placed(file, buckets.PROJECT_UPLOADS, key)
    for image in record.images:
        if image.processed is not None:
            digest = sha256_of(folder / image.processed.path)
            key = keys.processed(project_id, image.image_index, digest, EXTENSIONS[image.processed.mime])
            yield Placed(image.processed, buckets.PROCESSED_IMAGES, key)
        if image.mask is not None:
            key = keys.photo_mask(project_id, image.image_index, sha256_of(folder / image.mask.path))
            yield Placed(image.mask, buckets.PROCESSED_IMAGES, key)


def _of_round(made: Iteration, project_id: UUID, made_by: str) -> Iterator[Placed]:
    for view in made.views:
        key = keys.rendered_view(project_id, made_by, made.iteration, view.view_index, EXTENSIONS[view.rendered.mime])
        yield Placed(view.rendered, buckets.ENHANCED_VIEWS, key)
        if view.enhanced is not None:
            extension = EXTENSIONS[view.enhanced.mime]
            key = keys.enhanced_view(project_id, made_by, made.iteration, view.view_index, extension)
            yield Placed(view.enhanced, buckets.ENHANCED_VIEWS, key)
        if view.confidence is not None:
            extension = EXTENSIONS[view.confidence.mime]
            key = keys.confidence_map(project_id, made_by, made.iteration, view.view_index, extension)
            yield Placed(view.confidence, buckets.ENHANCED_VIEWS, key)
