"""Pictures of a mesh: with its texture or its vertex colours, its edges, under a light at the camera."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.mesh.mesh import Mesh, Texture
from maquette.recon.mesh.raster import fill_mesh, points_in_camera
from maquette.recon.mesh.raster_paint import paint

Color = tuple[int, int, int]
"""sRGB, 0 to 255."""

WHITE: Color = (255, 255, 255)
PLAIN: Color = (200, 200, 204)
"""What a mesh without texture and colours is painted with."""
SAMPLES_ACROSS_PIXEL = 2


class TextureWithoutUvsError(BadInputError):
    """A mesh has a texture and does not say where it goes."""

    code = "texture_without_uvs"


def shade(
    mesh: Mesh,
    camera: Camera,
    *,
    background: Color = WHITE,
    textured: bool = True,
    wireframe: bool = False,
    line: Color = (18, 22, 34),
    line_opacity: float = 0.6,
    head_light: bool | None = None,
    samples: int = SAMPLES_ACROSS_PIXEL,
) -> UInt8[ndarray, "h w 3"]:
    """The sRGB picture of ``mesh`` that ``camera`` takes, each pixel the mean of ``samples`` squared places in it.

    Texture first (trilinear), else vertex colours, else :data:`PLAIN`; ``textured`` False goes straight to
    plain. ``wireframe`` draws edges as thin lines over it. ``head_light`` shades by the angle to the ray; by default
    only what has no colours of its own, since photos hold their light already. Memory: 8 bytes a sample.
    Raises :class:`TextureWithoutUvsError`.
    """
    if mesh.texture is not None and mesh.uvs is None:
        raise TextureWithoutUvsError(
            "The mesh has a texture and no texture coordinates.", suggestion="Give uvs, one for each vertex."
        )
    fine = camera.resized(camera.width * samples, camera.height * samples)
    filled = fill_mesh(mesh, fine)
    uvs, texels, levels = np.zeros((0, 2), np.float32), np.zeros((1, 3), np.uint8), np.zeros((1, 3), np.int64)
    colors = np.zeros((0, 3), np.float32)
    painted = textured and (mesh.texture is not None or mesh.colors is not None)
    if painted and mesh.texture is not None and mesh.uvs is not None:
        uvs = mesh.uvs
        texels, levels = _pyramid(mesh.texture)
    else:
        colors = _vertex_colors(mesh, painted)
    out = np.empty((camera.height, camera.width, 3), np.uint8)
    paint(
        filled.face,
        filled.planes,
        mesh.faces,
        points_in_camera(mesh.vertices, camera),
        _normals_in_camera(mesh, camera),
        uvs,
        texels,
        levels,
        colors,
        np.array([fine.fx, fine.fy, fine.cx, fine.cy]),
        not painted if head_light is None else head_light,
        np.array([*line, line_opacity if wireframe else 0.0]),
        np.array(background, np.float64),
        samples,
        out,
    )
    return out


def _vertex_colors(mesh: Mesh, painted: bool) -> Float32[ndarray, "v 3"]:
    if painted and mesh.colors is not None:
        return mesh.colors.astype(np.float32)
    return np.full((len(mesh.vertices), 3), PLAIN, np.float32)


def _normals_in_camera(mesh: Mesh, camera: Camera) -> Float64[ndarray, "n 3"]:
    """No rows where the mesh has no normals: its faces have."""
    if mesh.normals is None:
        return np.zeros((0, 3))
    turned: Float64[ndarray, "v 3"] = mesh.normals.astype(np.float64) @ camera.camera_from_world[:3, :3].T
    return turned


@lru_cache(maxsize=1)  # a turntable takes many pictures of one texture
def _pyramid(texture: Texture) -> tuple[UInt8[ndarray, "n 3"], Int64[ndarray, "l 3"]]:
    """The texture and its smaller versions in one array, and each one's offset, width and height."""
    image = texture.color
    pictures, rows, offset = [], [], 0
    while True:
        height, width = image.shape[:2]
        pictures.append(image.reshape(-1, 3))
        rows.append((offset, width, height))
        offset += width * height
        if max(width, height) == 1:
            return np.concatenate(pictures), np.array(rows, np.int64)
        image = cv2.resize(image, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
