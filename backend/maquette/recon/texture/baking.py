"""Paint a mesh from the photos of its scene."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.capture import Reason
from maquette.recon.mesh.mesh import Mesh, Texture
from maquette.recon.scene import Scene
from maquette.recon.texture.blending import blend
from maquette.recon.texture.evening import Evening, no_evening, sample_places, solve_evening
from maquette.recon.texture.filling import fill_unseen, gutter_filled
from maquette.recon.texture.normals import bake_normals
from maquette.recon.texture.observing import Samples, no_samples, observe
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.sights import sight_of
from maquette.recon.texture.texels import Places, Texels, colors_at, places_of, smooth_normals, texels_of
from maquette.recon.texture.unwrapping import cut_open, unwrap

_SURVEY_SIDE_PX = 800
"""Exposure and blur show in small photos as well as in large ones."""
MOSTLY_SEEN = 0.5
"""Share of the texels on triangles that photos have to show, or it is worth a word."""
LEAST_SHARPNESS = 0.1
"""Weight of the most blurred photo; others by their sharpness over the median's, at most 1."""


class MeshWithoutFacesError(BadInputError):
    """There is nothing to paint."""

    code = "mesh_without_faces"


@dataclass(frozen=True, eq=False)
class TextureResult:
    """A painted mesh and how it came about."""

    mesh: Mesh
    """With uvs and texture; with vertex colours alone where ``method`` is ``vertex_colors``."""
    method: str
    """``charts``, or ``none`` where there was no texture to make; degraded: ``triangle_pairs`` or ``vertex_colors``."""
    warnings: tuple[Reason, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    """Plain numbers for records: sizes, shares, seconds."""

    @property
    def degraded(self) -> bool:
        """Whether something stood in for the unwrapping."""
        return self.method not in ("charts", "none")


def bake_texture(
    mesh: Mesh,
    scene: Scene,
    settings: TextureSettings | None = None,
    progress: Progress = silent,
    *,
    views: Sequence[int] | None = None,
    detailed: Mesh | None = None,
) -> TextureResult:
    """Unwrap ``mesh`` and paint it from the photos of ``views`` (default: those the model was trained on, so that the
    held-out ones can measure the result).

    ``detailed`` is a finer surface that ``mesh`` was made of: where a light would show more of it (see
    :mod:`maquette.recon.texture.normals`) the texture gets a normal map, else ``details`` say why it has none.

    Stages: ``unwrapping``, ``evening``, ``painting``, ``filling``. One photo is in memory at a time; beside it 60
    bytes a texel on the surface and 20 a texel of the whole texture. Raises :class:`MeshWithoutFacesError`,
    ``bad_texture_settings`` and what reading a photo raises.
    """
    settings = (settings or TextureSettings()).checked()
    if not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise MeshWithoutFacesError(
            "The mesh has no triangles with a place in space, so there is nothing to paint.",
            suggestion="Make the mesh anew from a model that shows a surface.",
        )
    chosen = list(scene.training if views is None else views)
    started = time.monotonic()
    laid_out = unwrap(mesh, settings, progress)
    unwrapped = time.monotonic()
    survey = _survey(mesh, scene, chosen, settings, progress)
    surveyed = time.monotonic()
    if laid_out is None:
        return _with_vertex_colors(mesh, scene, survey, settings, progress)
    texels = texels_of(laid_out.uvs, laid_out.faces, settings.size_px)
    samples = _painted(places_of(mesh, texels), mesh, scene, survey, settings, progress)
    progress("filling", 0.0, "choosing colours")
    colors, seen = blend(samples, settings.sharpness, colors_at(mesh, texels))
    share = float(seen.mean()) if len(seen) else 0.0
    del samples
    filled = fill_unseen(mesh, texels, laid_out.chart, colors, seen)
    progress("filling", 0.5, "closing the gaps between charts")
    open_mesh = cut_open(mesh, laid_out)
    normal_map, told = _normal_map(open_mesh, texels, detailed, progress)
    texture = Texture(gutter_filled(texels, filled), normal_map, share)
    progress("filling", 1.0, f"{share:.0%} of the surface is seen by a photo")
    return TextureResult(
        replace(open_mesh, texture=texture),
        laid_out.method,
        (*laid_out.warnings, *_unseen_warnings(share)),
        {
            "size_px": settings.size_px,
            "views": len(chosen),
            "observed_share": share,
            "surface_share": len(texels.index) / settings.size_px**2,
            "least_gain": float(survey.evening.gains.min(initial=1.0)),
            "largest_gain": float(survey.evening.gains.max(initial=1.0)),
            "normal_map": told,
            "seconds_unwrapping": unwrapped - started,
            "seconds_evening": surveyed - unwrapped,
            "seconds_painting": time.monotonic() - surveyed,
        },
    )


@dataclass(frozen=True, eq=False)
class _Survey:
    """What all photos together say of each: how to even it, and what it is worth by its sharpness."""

    chosen: tuple[int, ...]
    factors: tuple[float, ...]
    evening: Evening


def _survey(mesh: Mesh, scene: Scene, chosen: Sequence[int], settings: TextureSettings, progress: Progress) -> _Survey:
    places = sample_places(mesh)
    shape = (len(chosen), len(places.points))
    colors, weights, sharp = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.float32), np.ones(len(chosen))
    for at, index in enumerate(chosen):
        progress("evening", at / len(chosen), f"photo {at + 1} of {len(chosen)}")
        sight = sight_of(scene.views[index], mesh, min(settings.photo_side_px, _SURVEY_SIDE_PX))
        one = no_samples(len(places.points), 1)
        observe(places, sight, 1.0, _IDENTITY, one)
        colors[at], weights[at], sharp[at] = one.colors[:, 0], one.weights[:, 0], sight.sharpness
    evening = solve_evening(colors, weights) if settings.even_exposures else no_evening(len(chosen))
    factors = np.clip(sharp / max(float(np.median(sharp)), 1e-9), LEAST_SHARPNESS, 1.0)
    progress("evening", 1.0, "one exposure for all")
    return _Survey(tuple(chosen), tuple(factors.tolist()), evening)


def _painted(
    places: Places, mesh: Mesh, scene: Scene, survey: _Survey, settings: TextureSettings, progress: Progress
) -> Samples:
    samples = no_samples(len(places.points), settings.samples)
    for at, (index, factor) in enumerate(zip(survey.chosen, survey.factors, strict=True)):
        progress("painting", at / len(survey.chosen), f"photo {at + 1} of {len(survey.chosen)}")
        sight = sight_of(scene.views[index], mesh, settings.photo_side_px)
        observe(places, sight, factor, survey.evening.table(at), samples)
    return samples


_IDENTITY: UInt8[ndarray, "3 256"] = np.repeat(np.arange(256, dtype=np.uint8)[None], 3, axis=0)


def _normal_map(
    mesh: Mesh, texels: Texels, detailed: Mesh | None, progress: Progress
) -> tuple[UInt8[ndarray, "h w 3"] | None, dict[str, Any]]:
    if detailed is None:
        return None, {"kept": False, "why": "no finer surface was given"}
    progress("filling", 0.6, "reading the finer surface")
    found = bake_normals(mesh, texels, detailed)
    told: dict[str, Any] = {
        "kept": found.adds,
        "mean_angle_deg": found.mean_angle_deg,
        "telling_share": found.telling_share,
        "found_share": found.found_share,
    }
    if found.adds:
        return found.pixels, told
    return None, {**told, "why": "the finer surface hardly differs"}


def _with_vertex_colors(
    mesh: Mesh, scene: Scene, survey: _Survey, settings: TextureSettings, progress: Progress
) -> TextureResult:
    """Paint vertices in place of texels: triangles are too many for the texture."""
    normals: Float32[ndarray, "v 3"] = smooth_normals(mesh)
    lengths = np.linalg.norm(mesh.vertices[mesh.faces[:, 0]] - mesh.vertices[mesh.faces[:, 1]], axis=1)
    places = Places(mesh.vertices, normals, float(np.median(lengths)))
    colors, seen = blend(_painted(places, mesh, scene, survey, settings, progress), settings.sharpness, mesh.colors)
    own = mesh.colors if mesh.colors is not None else np.full_like(colors, 128)
    share = float(seen.mean())
    warning = Reason(
        "texture_not_laid_out",
        f"{len(mesh.faces)} triangles do not fit a texture of {settings.size_px} pixels: vertices have colours.",
        "Ask for a larger texture or a mesh of fewer triangles.",
    )
    return TextureResult(
        replace(mesh, colors=np.where(seen[:, None], colors, own), uvs=None, texture=None),
        "vertex_colors",
        (warning, *_unseen_warnings(share)),
        {"views": len(survey.chosen), "observed_share": share},
    )


def _unseen_warnings(share: float) -> tuple[Reason, ...]:
    if share >= MOSTLY_SEEN:
        return ()
    return (
        Reason(
            "texture_mostly_unseen",
            f"Photos show {share:.0%} of the surface; the rest has its neighbours' colours.",
            "Take photos from the other sides too.",
        ),
    )
