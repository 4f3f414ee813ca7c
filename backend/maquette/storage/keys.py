"""Every object key, made here and nowhere else. A key begins with its project's id: the bucket policies read that.

What a run makes carries the run's id and the number of its attempt (:func:`maker`), so that neither another generate
nor an attempt that was thought dead ever writes over objects that rows already point to; what is the same bytes by
name (originals, by hash) does not need it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

DEEPEST = 8
"""More folders than any key has."""
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


def project_prefix(project_id: UUID) -> str:
    """What every key of a project begins with, in all buckets."""
    return f"{project_id}/"


def maker(run_id: UUID, attempt: int) -> str:
    """Who made an object: an attempt of a run."""
    return f"{run_id}.{attempt}"


def original(project_id: UUID, sha256: str, ext: str) -> str:
    """In project-uploads: a photo as sent, named by its contents. ``ext`` without a dot."""
    return f"{project_id}/originals/{_name(sha256)}.{_name(ext.lower())}"


def incoming(project_id: UUID, incoming_id: UUID) -> str:
    """In project-uploads: a large file that comes by resumable upload, until an upload takes it in."""
    return f"{project_id}/incoming/{incoming_id}"


def processed(project_id: UUID, image_index: int, sha256: str, ext: str = "jpg") -> str:
    """In processed-images: the upright photo without metadata; ``sha256`` is that of the processed file."""
    return f"{project_id}/images/{image_index:04d}-{_name(sha256)[:12]}.{_name(ext)}"


def poses_file(project_id: UUID, made_by: str, name: str) -> str:
    """In project-uploads: known cameras as they were sent, under the name that says what they are."""
    return f"{project_id}/{made_by}/poses/{_name(name)}"


def photo_mask(project_id: UUID, image_index: int, sha256: str) -> str:
    """In processed-images: which pixels of a processed photo show the subject; ``sha256`` is that of the mask."""
    return f"{project_id}/images/{image_index:04d}-{_name(sha256)[:12]}.mask.png"


def view_mask(project_id: UUID, made_by: str, name: str) -> str:
    """In multiview-images: the weights of a view's pixels; ``name`` as in the scene."""
    return f"{project_id}/{made_by}/masks/{_name(name)}"


def view_prior(project_id: UUID, made_by: str, name: str) -> str:
    """In multiview-images: the depths that a view guides training by; ``name`` as in the scene."""
    return f"{project_id}/{made_by}/priors/{_name(name)}"


def view_image(project_id: UUID, made_by: str, view_index: int, ext: str = "jpg") -> str:
    """In multiview-images: an undistorted photo or a generated view."""
    return f"{project_id}/{made_by}/views/{view_index:04d}.{_name(ext)}"


def scene_file(project_id: UUID, made_by: str, name: str) -> str:
    """In multiview-images: cameras, sparse points and what else describes a generate's scene."""
    return f"{project_id}/{made_by}/scene/{_name(name)}"


def depth_map(project_id: UUID, made_by: str, view_index: int, ext: str = "png") -> str:
    """In depth-maps: a view's depth."""
    return f"{project_id}/{made_by}/depth/{view_index:04d}.{_name(ext)}"


def depth_heatmap(project_id: UUID, made_by: str, view_index: int, ext: str = "png") -> str:
    """In depth-maps: a view's depth in colours."""
    return f"{project_id}/{made_by}/heatmaps/{view_index:04d}.{_name(ext)}"


def model_file(project_id: UUID, made_by: str, version: int, name: str) -> str:
    """In 3d-models: ``model.ply``, ``unfiltered.ply``, ``checkpoint.npz`` or ``preview.jpg`` of a version."""
    return f"{project_id}/models/v{version}/{made_by}/{_name(name)}"


def rendered_view(project_id: UUID, made_by: str, iteration: int, view_index: int, ext: str = "png") -> str:
    """In enhanced-views: what a refine round rendered of a view."""
    return f"{project_id}/{made_by}/iterations/{iteration:03d}/rendered-{view_index:04d}.{_name(ext)}"


def enhanced_view(project_id: UUID, made_by: str, iteration: int, view_index: int, ext: str = "png") -> str:
    """In enhanced-views: what an enhancement made of it."""
    return f"{project_id}/{made_by}/iterations/{iteration:03d}/enhanced-{view_index:04d}.{_name(ext)}"


def confidence_map(project_id: UUID, made_by: str, iteration: int, view_index: int, ext: str = "png") -> str:
    """In enhanced-views: how far each pixel of an enhanced view may teach."""
    return f"{project_id}/{made_by}/iterations/{iteration:03d}/confidence-{view_index:04d}.{_name(ext)}"


def mesh_file(project_id: UUID, made_by: str, version: int, name: str) -> str:
    """In 3d-models: a file of a version's mesh, under its own name."""
    return f"{project_id}/meshes/v{version}/{made_by}/{_name(name)}"


def export_file(project_id: UUID, made_by: str, name: str) -> str:
    """In 3d-models: a file made for the user to take away."""
    return f"{project_id}/exports/{made_by}/{_name(name)}"


def works(project_id: UUID) -> str:
    """In 3d-models: the folder of all unfinished work, a folder for each maker."""
    return f"{project_id}/work"


def saved_work(project_id: UUID, made_by: str, number: int, name: str) -> str:
    """In 3d-models: a file of unfinished work that another machine could go on from; ``number`` counts savings."""
    return f"{works(project_id)}/{made_by}/{number:04d}/{_name(name)}"


def training_preview(project_id: UUID, made_by: str, number: int) -> str:
    """In 3d-models: how a training under way looks; ``number`` counts them, for an address once signed is kept."""
    return f"{works(project_id)}/{made_by}/previews/{number:04d}.jpg"


def renewed(project_id: UUID, key: str, run_ids: Mapping[str, UUID]) -> str:
    """The key in another project of an object that lies at ``key`` in one: the same beyond the project's id, with the
    ids of runs by ``run_ids``. ``ValueError`` where no project of ours has such a key.
    """
    parts = key.split("/")[1:]
    if not 1 <= len(parts) <= DEEPEST or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise ValueError(f"{key[:80]!r} is no key of ours")
    made_by = (part.partition(".") for part in parts[:-1])
    folders = [
        f"{run_ids[name]}{dot}{attempt}" if name in run_ids else f"{name}{dot}{attempt}"
        for name, dot, attempt in made_by
    ]
    return "/".join([str(project_id), *folders, parts[-1]])


def _name(text: str) -> str:
    """One path segment that every store takes as it is: ASCII letters, digits, dot, dash, underscore."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")
    if not clean:
        raise ValueError(f"no object key can be made of {text!r}")
    return clean[-120:]
