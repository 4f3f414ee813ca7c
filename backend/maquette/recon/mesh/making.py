"""A mesh from a model: depth on many views, one signed distance, its zero as triangles, cleaned and coloured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maquette.progress import Progress, silent
from maquette.recon.capture import Reason
from maquette.recon.formats.format import check_writable
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh.agreement import drop_unconfirmed
from maquette.recon.mesh.blocks import Blocks, allot
from maquette.recon.mesh.cleaning import Cleaned, clean, vertex_normals
from maquette.recon.mesh.errors import NoSurfaceError, TooFewMeshViewsError
from maquette.recon.mesh.fusion import fuse
from maquette.recon.mesh.marching import zero_surface
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.region import Region, find_region
from maquette.recon.mesh.settings import MeshSettings
from maquette.recon.mesh.sights import Sight, take_sights
from maquette.recon.mesh.smoothing import rounds_for
from maquette.recon.mesh.vertex_colors import vertex_colors
from maquette.recon.scene import Scene

LEAST_WEIGHT = 0.02
"""Sum of weights from which a voxel counts as seen."""
CROPPED = 0.25
"""Share of what the views show from which leaving it out is worth a word."""


DETAIL = 0.5
"""How far apart two views may take one surface to be, in voxels, for what decimation takes away to be kept as detail:
of known solids it is 0.02 to 0.49, of captures (kermit, sceaux, fox; preset balanced) 1.33. Much of theirs is noise: on
the fox's wall, which is flat, normals stray by 22.3 degrees as fused, by 18.9 after eight rounds of averaging, and by
16.2 once decimated. Lit, a normal map of it sharpens the mouldings of sceaux and puts waves on that wall; it adds 4.5
to 6.0 MB of PNG, and viewers that show a mesh as photographed do not show it."""


@dataclass(frozen=True, eq=False)
class MeshResult:
    """The mesh, with normals and vertex colours, and what must be said of it. ``details`` are plain values."""

    mesh: Mesh
    warnings: tuple[Reason, ...]
    details: dict[str, Any]
    detailed: Mesh | None = None
    """The surface as it was before decimation, without colours, where it shows detail and not noise (see
    :data:`DETAIL`): what a normal map is made from."""


def make_mesh(
    gaussians: Gaussians, scene: Scene, settings: MeshSettings | None = None, progress: Progress = silent
) -> MeshResult:
    """The surface that ``gaussians`` show to the scene's cameras, in the model's own world frame and unit.

    Its memory is bounded by ``settings``: that of the blocks and 11 bytes for each pixel of the views. Raises
    ``bad_mesh_settings``, ``empty_model``, ``diverged_model``, ``mesh_needs_views``, ``bad_mask`` or ``no_surface``.
    Reports the stages ``looking``, ``fusing``, ``meshing`` and ``cleaning``.
    """
    settings = (settings or MeshSettings()).checked()
    check_writable(gaussians)
    if len(scene.views) < 2:
        raise TooFewMeshViewsError(len(scene.views))
    sights = take_sights(gaussians, scene, settings, progress)
    result = mesh_of(sights, settings, progress)
    result.details["views_made"] = max(0, len(sights) - min(len(scene.views), settings.most_views))
    return result


def mesh_of(sights: list[Sight], settings: MeshSettings, progress: Progress = silent) -> MeshResult:
    """The mesh of what these views show, as :func:`make_mesh` makes it; they lose the depths that others deny."""
    witnessed = drop_unconfirmed(sights)
    region = find_region(sights, comparable=witnessed > 0)
    blocks = allot(sights, region, settings.blocks, settings.truncation_voxels)
    fuse(blocks, sights, progress)
    vertices, faces = zero_surface(blocks, LEAST_WEIGHT, progress)
    if len(faces) == 0:
        raise NoSurfaceError("what its views show does not fit together")
    progress("cleaning", 0.0, f"{len(faces)} triangles")
    rounds = rounds_for(region.disagreement, blocks.voxel)
    cleaned = clean(vertices, faces, settings, rounds)
    progress("cleaning", 0.7, f"{len(cleaned.faces)} triangles")
    normals = vertex_normals(cleaned.vertices, cleaned.faces)
    colors, seen = vertex_colors(cleaned.vertices, normals, sights, blocks.truncation)
    progress("cleaning", 1.0, f"{len(cleaned.faces)} triangles")
    details = _details(
        sights, region, blocks, cleaned, smoothing=rounds, fused=len(faces), seen_share=float(seen.mean())
    )
    mesh = Mesh(cleaned.vertices, cleaned.faces, normals=normals, colors=colors)
    trusted = region.disagreement <= DETAIL * blocks.voxel
    detailed = Mesh(*cleaned.before) if cleaned.before is not None and trusted else None
    return MeshResult(mesh, _warnings(region, cleaned), details, detailed)


def _details(
    sights: list[Sight],
    region: Region,
    blocks: Blocks,
    cleaned: Cleaned,
    *,
    smoothing: int,
    fused: int,
    seen_share: float,
) -> dict[str, Any]:
    return {
        "views": len(sights),
        "views_bytes": sum(sight.nbytes for sight in sights),
        "region_low": region.low.tolist(),
        "region_high": region.high.tolist(),
        "left_out_share": region.left_out,
        "views_disagree": region.disagreement,
        "views_agree_share": region.alike,
        "voxel": blocks.voxel,
        "blocks": len(blocks),
        "blocks_bytes": blocks.nbytes,
        "triangles_fused": fused,
        "smoothing_rounds": smoothing,
        "triangles": len(cleaned.faces),
        "vertices": len(cleaned.vertices),
        "parts": cleaned.parts,
        "parts_removed": cleaned.parts_removed,
        "holes_closed": cleaned.holes_closed,
        "watertight": cleaned.volume is not None,
        "open_share": cleaned.open_share,
        "volume": cleaned.volume,
        "vertices_seen_share": seen_share,
    }


def _warnings(region: Region, cleaned: Cleaned) -> tuple[Reason, ...]:
    found = []
    if region.left_out > CROPPED:
        found.append(
            Reason(
                "mesh_background_left_out",
                f"{region.left_out:.0%} of what the photos show lies behind or beside the subject and is not in the "
                "mesh.",
                "Export a format of Gaussians for the whole scene.",
            )
        )
    if cleaned.volume is None:
        found.append(
            Reason(
                "mesh_open",
                "The mesh is not closed: what no photo shows has no surface.",
                "Take photos from all sides, from above and, where it can be turned over, from below.",
            )
        )
    return tuple(found)
