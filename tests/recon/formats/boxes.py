"""A box that looks different from every side, and what it must look like wherever it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from maquette.recon.mesh import Mesh, Texture

LOW, HIGH = np.array([-0.5, -0.2, 0.1]), np.array([1.0, 0.4, 0.8])
VOLUME = float(np.prod(HIGH - LOW))
CELL = 32
COLORS = {
    (0, 1): (250, 40, 30),  # +x is red
    (0, -1): (60, 90, 200),
    (1, 1): (90, 240, 60),
    (1, -1): (240, 230, 40),
    (2, 1): (200, 60, 220),
    (2, -1): (70, 200, 210),
}


def _sides() -> Iterator[tuple[tuple[int, int], int, np.ndarray, np.ndarray, np.ndarray]]:
    """Side, its cell in the atlas, the corner where its texture begins, and the ways along s and t: s x t outwards."""
    size = HIGH - LOW
    for cell, (axis, sign) in enumerate(COLORS):
        along = [(axis + 1) % 3, (axis + 2) % 3][:: 1 if sign > 0 else -1]
        corner = LOW.copy()
        if sign > 0:
            corner[axis] = HIGH[axis]
        yield (axis, sign), cell, corner, *(size[a] * np.eye(3)[a] for a in along)


def color_at(side: tuple[int, int], s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Red fades towards s = 0, green towards t = 0."""
    fade = np.stack([0.5 + 0.5 * s, 0.5 + 0.5 * t, np.ones_like(s)], axis=-1)
    return np.array(COLORS[side]) * fade


def textured_box(*, normal_map: bool = False) -> Mesh:
    """12 triangles, each side with its own cell of a 3 x 2 atlas, its texture neither mirrored nor turned."""
    image = np.zeros((2 * CELL, 3 * CELL, 3), np.uint8)
    centres = (np.arange(CELL) + 0.5) / CELL
    vertices, faces, normals, uvs = [], [], [], []
    for side, cell, corner, along_s, along_t in _sides():
        row, column = divmod(cell, 3)  # rows of the atlas from below, as v counts
        s, t = np.meshgrid(centres, centres)
        picture = np.rint(color_at(side, s, t)).astype(np.uint8)[::-1]  # t upwards, rows downwards
        top = (1 - row) * CELL
        image[top : top + CELL, column * CELL : (column + 1) * CELL] = picture
        first = len(vertices)
        for s_end, t_end in ((0, 0), (1, 0), (1, 1), (0, 1)):
            vertices.append(corner + s_end * along_s + t_end * along_t)
            uvs.append(((column + s_end) / 3, (row + t_end) / 2))
            normals.append(np.cross(along_s, along_t) / np.linalg.norm(np.cross(along_s, along_t)))
        faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    bumps = np.full(image.shape, (128, 140, 250), np.uint8) if normal_map else None
    return Mesh(
        np.array(vertices, np.float32),
        np.array(faces, np.int32),
        np.array(normals, np.float32),
        uvs=np.array(uvs, np.float32),
        texture=Texture(image, bumps),
    )


def colored_box() -> Mesh:
    """The same without texture, a colour at each vertex."""
    mesh = textured_box()
    colors = np.repeat(np.array(list(COLORS.values()), np.uint8), 4, axis=0)
    return replace(mesh, texture=None, uvs=None, colors=colors)


def signed_volume(corners: np.ndarray) -> float:
    """Positive where faces run counter-clockwise seen from outside; ``corners``: (f, 3, 3)."""
    return float(np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def check_box(corners: np.ndarray, pixels: np.ndarray, image: np.ndarray, tolerance: float = 6) -> None:
    """Fails unless the triangles make the box, outside out, and carry its colours at the right places.

    ``corners``: (f, 3, 3) positions; ``pixels``: (f, 3, 2), where each lies in ``image``, columns and rows from the
    upper left, as a share of its size.
    """
    np.testing.assert_allclose(corners.reshape(-1, 3).min(axis=0), LOW, atol=1e-6)
    np.testing.assert_allclose(corners.reshape(-1, 3).max(axis=0), HIGH, atol=1e-6)
    assert abs(signed_volume(corners) - VOLUME) < 1e-5
    seen = set()
    for triangle, places in zip(corners, pixels, strict=True):
        normal = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
        axis = int(np.abs(normal).argmax())
        side = (axis, int(np.sign(normal[axis])))
        ((corner, along_s, along_t),) = ((c, a, b) for key, _, c, a, b in _sides() if key == side)
        for weights in ((0.4, 0.3, 0.3), (0.7, 0.2, 0.1), (0.1, 0.7, 0.2), (0.2, 0.1, 0.7)):
            place, (x, y) = np.array(weights) @ triangle, np.array(weights) @ places
            s, t = (np.dot(place - corner, along) / np.dot(along, along) for along in (along_s, along_t))
            color = image[int(y * image.shape[0]), int(x * image.shape[1])].astype(float)
            assert np.abs(color - color_at(side, s, t)).max() < tolerance, (side, s, t, color)
        seen.add(side)
    assert seen == set(COLORS)
