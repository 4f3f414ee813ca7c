"""What formats of meshes, points and cameras refuse, in writing and in reading."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from maquette.recon.formats.errors import BadModelFileError, DivergedModelError, EmptyModelError
from maquette.recon.formats.points import Points
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene

_SUGGESTION = "Give a complete file, as the export of a project writes it."


def check_mesh(mesh: Mesh) -> None:
    """Raise :class:`EmptyModelError` or :class:`DivergedModelError` for what must never be stored.

    Raises ValueError for a mesh that contradicts itself, which is a mistake of whoever made it.
    """
    if len(mesh.faces) == 0 or len(mesh.vertices) == 0:
        raise EmptyModelError("triangles")
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise ValueError("a face names a vertex that is not there")
    if mesh.texture is not None and mesh.uvs is None:
        raise ValueError("a textured mesh needs texture coordinates")
    if not _all_finite(mesh.vertices, mesh.normals, mesh.uvs):
        raise DivergedModelError


def check_points(points: Points) -> None:
    """Raise :class:`EmptyModelError` or :class:`DivergedModelError` for what must never be stored."""
    if len(points.positions) == 0:
        raise EmptyModelError("points")
    if not _all_finite(points.positions, points.normals):
        raise DivergedModelError


def check_scene(scene: Scene) -> None:
    """Raise :class:`EmptyModelError` or :class:`DivergedModelError` for what must never be stored."""
    if len(scene.views) == 0:
        raise EmptyModelError("cameras")
    for view in scene.views:
        camera = view.camera
        lens = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
        if not _all_finite(camera.camera_from_world, lens):
            raise DivergedModelError
    if not _all_finite(scene.points):
        raise DivergedModelError


def check_mesh_read(mesh: Mesh, name: str) -> Mesh:
    """Raise :class:`BadModelFileError` for what cannot be shown."""
    if len(mesh.faces) == 0 or len(mesh.vertices) == 0:
        raise not_a_model(name, "it holds no triangles")
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise not_a_model(name, "a face names a vertex that is not there")
    if not _all_finite(mesh.vertices, mesh.normals, mesh.uvs):
        raise not_a_model(name, "it holds numbers that are not finite")
    return mesh


def check_points_read(points: Points, name: str) -> Points:
    """Raise :class:`BadModelFileError` for what cannot be shown."""
    if len(points.positions) == 0:
        raise not_a_model(name, "it holds no points")
    if not _all_finite(points.positions, points.normals):
        raise not_a_model(name, "it holds numbers that are not finite")
    return points


def not_a_model(name: str, reason: str) -> BadModelFileError:
    """The error for a file that is no mesh, no points or no cameras, as it was thought to be."""
    return BadModelFileError(name, reason, _SUGGESTION)


def not_opened(name: str, error: OSError) -> BadModelFileError:
    """The error for a file that the operating system does not give."""
    return not_a_model(name, f"the file cannot be opened ({error.strerror})")


def _all_finite(*arrays: ndarray | None) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays if array is not None)
