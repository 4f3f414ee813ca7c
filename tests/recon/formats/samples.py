"""What the contract needs of each kind of content: samples, spoilt samples, and what "the same" means.

A new kind is one entry in :data:`SAMPLES`; a new format of a known kind needs none, unless it keeps less than
:data:`LOOSEST` allows or promises more.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

from maquette.recon.cameras import Camera
from maquette.recon.formats import Format
from maquette.recon.formats.points import Points
from maquette.recon.gaussians import SH_C0, Gaussians
from maquette.recon.mesh import Mesh, Texture
from maquette.recon.scene import Scene, View


@dataclass(frozen=True)
class Sample:
    """How one kind of content is made and compared."""

    make: Callable[[int, Path], Any]
    """Content of about that many parts (none for 0); photos, where it has some, go into the folder."""
    spoil: Callable[[Any, float], Any]
    """The content with one number replaced."""
    check_same: Callable[[Format, Any, Any], None]
    """Fails unless what was read is what was written, within the format's precision."""


@dataclass(frozen=True)
class Precision:
    """What a format of Gaussians keeps: largest errors. Lengths are shares of the model's extent."""

    mean: float
    log_scale: float
    degrees: float
    opacity: float
    color: float
    harmonics: float | None
    """Of one coefficient; None: view-dependent colour is dropped."""


LOOSEST = Precision(mean=1e-3, log_scale=0.1, degrees=2.0, opacity=0.02, color=0.02, harmonics=0.2)
EXACT = Precision(mean=0, log_scale=0, degrees=0.06, opacity=1e-6, color=1e-6, harmonics=0)
# spz: half a step; a coefficient near 1 loses half a step of 1/8 and what the byte has no room for
PRECISIONS: dict[str, Precision] = {
    "ply": EXACT,
    "ply.gz": EXACT,
    "gaussians.glb": replace(EXACT, log_scale=1e-5, degrees=0.06),
    "sog": Precision(mean=1e-4, log_scale=0.03, degrees=1.2, opacity=0.002, color=0.005, harmonics=0.1),
    "compressed.ply": Precision(
        mean=0.9 / 1023, log_scale=0.005, degrees=0.25, opacity=0.002, color=0.0022, harmonics=4.5 / 256
    ),
    "spz": Precision(mean=1e-5, log_scale=1 / 32 + 1e-6, degrees=0.25, opacity=0.002, color=0.004, harmonics=0.0703),
    "splat": Precision(mean=0, log_scale=1e-5, degrees=1.0, opacity=0.003, color=0.003, harmonics=None),
}
PRECISIONS["html"] = PRECISIONS["spz"]


def random_gaussians(count: int, degree: int = 3, seed: int = 0) -> Gaussians:
    """Gaussians of every size and opacity; colours within what 8 bits can say."""
    rng = np.random.default_rng(seed)
    quaternions = rng.normal(size=(count, 4))
    sh = rng.normal(0, 0.15, (count, (degree + 1) ** 2, 3)).clip(-0.9, 0.9)
    sh[:, 0] = rng.uniform(-1.5, 1.5, (count, 3))
    return Gaussians(
        means=rng.normal(0, 3, (count, 3)).astype(np.float32),
        log_scales=rng.normal(-3, 1, (count, 3)).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacity_logits=rng.normal(0, 2, count).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def check_gaussians(format: Format, model: Gaussians, back: Gaussians) -> None:
    """The order may differ, as some formats sort; every Gaussian must be there once."""
    precision = PRECISIONS.get(format.name, LOOSEST)
    assert len(back) == len(model)
    for array in (back.means, back.log_scales, back.quaternions, back.opacity_logits, back.sh):
        assert array.dtype == np.float32
        assert array.flags.writeable
        assert array.flags.c_contiguous  # compiled code takes the bytes as they lie
    extent = max(float(np.ptp(model.means, axis=0).max()), 1.0)
    distances, found = cKDTree(back.means).query(model.means)
    assert len(set(found.tolist())) == len(model)
    assert distances.max() <= precision.mean * extent
    back = back.subset(found)
    np.testing.assert_allclose(back.log_scales, model.log_scales, rtol=0, atol=precision.log_scale)
    np.testing.assert_allclose(opacities(back), opacities(model), rtol=0, atol=precision.opacity)
    np.testing.assert_allclose(colors(back), colors(model), rtol=0, atol=precision.color)
    assert degrees_between(back, model).max() <= precision.degrees
    if precision.harmonics is None:
        assert back.sh_degree == 0
    else:
        assert back.sh_degree == model.sh_degree
        np.testing.assert_allclose(back.sh[:, 1:], model.sh[:, 1:], rtol=0, atol=precision.harmonics)


def opacities(model: Gaussians) -> np.ndarray:
    """After the sigmoid."""
    return 1 / (1 + np.exp(-model.opacity_logits.astype(np.float64)))


def colors(model: Gaussians) -> np.ndarray:
    """Seen from everywhere, 0 to 1."""
    return np.clip(SH_C0 * model.sh[:, 0].astype(np.float64) + 0.5, 0, 1)


def degrees_between(a: Gaussians, b: Gaussians) -> np.ndarray:
    """Angle between the rotations of each pair."""
    q, r = (m.quaternions.astype(np.float64) for m in (a, b))
    q, r = q / np.linalg.norm(q, axis=1, keepdims=True), r / np.linalg.norm(r, axis=1, keepdims=True)
    return np.degrees(2 * np.arccos(np.clip(np.abs((q * r).sum(axis=1)), 0, 1)))


def spoil_gaussians(model: Gaussians, value: float) -> Gaussians:
    """One coefficient of one colour."""
    sh = model.sh.copy()
    sh[len(model) // 2, 0, 1] = value
    return replace(model, sh=sh)


def textured_grid(count: int) -> Mesh:
    """A wavy square of about ``2 * count`` triangles with normals and a texture of four colours."""
    if count == 0:
        return Mesh(np.empty((0, 3), np.float32), np.empty((0, 3), np.int32))
    side = max(2, int(np.sqrt(count)) + 1)
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side)))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side + 1], axis=1),
            np.stack([corner, corner + side + 1, corner + side], axis=1),
        ]
    )
    color = np.zeros((16, 16, 3), np.uint8)
    color[:8, :8], color[:8, 8:], color[8:, :8], color[8:, 8:] = (
        (200, 30, 30),
        (30, 200, 30),
        (30, 30, 200),
        (90, 90, 90),
    )
    return Mesh(
        vertices=np.stack([u - 0.5, v - 0.5, 0.1 * np.sin(5 * u)], axis=1).astype(np.float32),
        faces=faces.astype(np.int32),
        normals=np.tile(np.array([0, 0, 1], np.float32), (len(u), 1)),
        uvs=np.stack([u, v], axis=1).astype(np.float32),
        texture=Texture(color=color),
    )


def spoil_mesh(mesh: Mesh, value: float) -> Mesh:
    """One coordinate of one vertex."""
    vertices = mesh.vertices.copy()
    vertices[len(vertices) // 2, 1] = value
    return replace(mesh, vertices=vertices)


def check_mesh(format: Format, mesh: Mesh, back: Mesh) -> None:
    """The same triangles in space, in any order, turned the same way; vertices may be split or merged."""
    assert len(back.faces) == len(mesh.faces)
    there, here = (m.vertices[m.faces] for m in (back, mesh))
    distances, found = cKDTree(there.mean(axis=1)).query(here.mean(axis=1))
    assert distances.max() < 1e-5
    assert len(set(found.tolist())) == len(mesh.faces)
    areas = [np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]) for t in (there[found], here)]
    np.testing.assert_allclose(areas[0], areas[1], atol=1e-5)


def random_points(count: int) -> Points:
    """Points in a cloud, with colours and normals."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(count, 3))
    return Points(
        positions=rng.normal(0, 3, (count, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (count, 3), dtype=np.uint8),
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
    )


def spoil_points(points: Points, value: float) -> Points:
    """One coordinate of one point."""
    positions = points.positions.copy()
    positions[len(positions) // 2, 1] = value
    return replace(points, positions=positions)


def check_points(format: Format, points: Points, back: Points) -> None:
    """The same points in the same order."""
    np.testing.assert_allclose(back.positions, points.positions, atol=1e-5)
    np.testing.assert_array_equal(back.colors, points.colors)


def orbit_scene(count: int, folder: Path) -> Scene:
    """Small photos taken around the origin; their images are files, as those of every scene."""
    folder.mkdir(parents=True, exist_ok=True)
    views = []
    for i in range(count):
        angle = 2 * np.pi * i / count
        pose = np.eye(4)
        pose[:3, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
        pose[:3, 3] = (0.1, -0.2, 4)
        path = folder / f"view_{i:03d}.png"
        Image.new("RGB", (16, 12), (i % 256, 80, 160)).save(path)
        views.append(View(path.name, Camera(16, 12, 20.0, 21.0, 8.25, 5.75, pose), path))
    rng = np.random.default_rng(0)
    return Scene(tuple(views), rng.normal(size=(5, 3)), rng.integers(0, 256, (5, 3), dtype=np.uint8))


def spoil_scene(scene: Scene, value: float) -> Scene:
    """One coordinate of the last camera."""
    last = scene.views[-1]
    pose = last.camera.camera_from_world.copy()
    pose[0, 3] = value
    return replace(scene, views=(*scene.views[:-1], replace(last, camera=replace(last.camera, camera_from_world=pose))))


def check_scene(format: Format, scene: Scene, back: Scene) -> None:
    """The same cameras under the same names."""
    assert [view.name for view in back.views] == [view.name for view in scene.views]
    for there, here in zip(back.views, scene.views, strict=True):
        np.testing.assert_allclose(there.camera.camera_from_world, here.camera.camera_from_world, atol=1e-6)
        for name in ("width", "height", "fx", "fy", "cx", "cy"):
            assert abs(getattr(there.camera, name) - getattr(here.camera, name)) < 1e-6


SAMPLES: dict[str, Sample] = {
    "gaussians": Sample(lambda count, folder: random_gaussians(count), spoil_gaussians, check_gaussians),
    "mesh": Sample(lambda count, folder: textured_grid(count), spoil_mesh, check_mesh),
    "points": Sample(lambda count, folder: random_points(count), spoil_points, check_points),
    "cameras": Sample(orbit_scene, spoil_scene, check_scene),
}


def sample_of(format: Format) -> Sample:
    """How the format's kind of content is made and compared."""
    return SAMPLES[format.kind]


def words_in(path: Path) -> str:
    """All bytes of a file as text, those within gzip and zip unpacked; what OpenUSD reads in its layers."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            data += b"\n".join(archive.read(name) for name in archive.namelist())
    if path.suffix == ".usdz":
        from pxr import Sdf  # slow to import, and no other format needs it

        data += Sdf.Layer.FindOrOpen(str(path)).ExportToString().encode()
    return data.decode("latin-1")
