"""Every format through the export step, from a model whose geometry is known: a cube with faces of six colours."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
from tests.recon.mesh.solids import FACES, around, cube
from tests.steps.conftest import Recorder

from maquette.errors import MaquetteError
from maquette.recon.formats import FORMATS, format_named
from maquette.recon.frame import BadPlacingError, EmptyCropError
from maquette.recon.mesh.errors import TooFewMeshViewsError
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.errors import SceneNotFoundError
from maquette.recon.scenes.saved import load_saved_scene, save_scene
from maquette.steps import STEPS
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Export, File, MadeMesh, Metric, Model

SIDE = 1.4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version and its scene, as generate leaves them: the cube, and photos of it from all sides."""
    folder, model = Folder(tmp_path_factory.mktemp("made") / "run"), cube(SIDE)
    photos, views = tmp_path_factory.mktemp("photos"), []
    for index, camera in enumerate(around(24, side=144)):
        pixels = np.clip(np.rint(rasterize(model, camera, outputs={"image"}).image * 255), 0, 255).astype(np.uint8)
        path = photos / f"{index:04d}.png"
        cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))
        views.append(View(path.name, camera, path))
    scene = Scene(tuple(views), model.means[::9].astype(np.float64), np.full((len(model.means[::9]), 3), 128, np.uint8))
    save_scene(scene, folder.scene)
    home = folder.model(0)
    home.mkdir(parents=True)
    format_named("ply").write(model, home / "model.ply", provenance={})
    write_json(folder.evaluation, {"names": [scene.views[i].name for i in scene.held_out], "long_side": 144})
    write_json(folder.root / "project.json", {"id": "7e57", "name": "cube", "from_version": 0})
    folder.save_model(record(len(model)))
    return folder.root


def record(gaussians: int) -> Model:
    def file(kind: str, name: str) -> File:
        return File(kind=kind, path=f"models/v0/{name}", mime="application/octet-stream")

    metrics = (
        Metric(split="held_out", view_index=None, psnr=31.5, ssim=0.93),
        Metric(split="held_out", view_index=0, psnr=31.5, ssim=0.93),
    )
    model = file("model", "model.ply")
    return Model(
        version=0, parent_version=None, method="generate", promote=True, num_gaussians=gaussians,
        num_gaussians_unfiltered=gaussians, sh_degree=0, iterations=1, model=model, unfiltered=model, filtered=model,
        checkpoint=file("checkpoint", "checkpoint.npz"), preview=file("preview", "preview.jpg"), metrics=metrics,
        details={"preset": "fastest", "settings": {"seed": 0}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def meshed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder, dict[str, Any]]:
    """A folder in which the mesh is made, what that told, and the result of the export that needed it."""
    root, sink = tmp_path_factory.mktemp("meshed") / "run", Recorder()
    shutil.copytree(made, root)
    return root, sink, STEPS["export"].run(root, {"format": "glb", "origin": "center"}, sink)


def export(root: Path, **options: Any) -> tuple[Export, Path]:
    sink = Recorder()
    STEPS["export"].run(root, options, sink)
    found = sink.records[-1]
    assert isinstance(found, Export)
    return found, root / found.file.path


def test_the_cube_comes_back_as_a_mesh_of_its_size_its_colours_and_the_right_way_round(
    meshed: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    root, sink, result = meshed
    mesh = trimesh.load_mesh(root / "exports" / "model_v0_center.glb")
    assert result["triangles"] == len(mesh.faces) and mesh.volume == pytest.approx(SIDE**3, rel=0.02)
    assert np.allclose(mesh.bounds.mean(axis=0), 0, atol=0.02), "its middle is the origin"
    # Back in the captured world each face has its own colour.
    (told,) = (one for one in sink.records if isinstance(one, Export))
    world = np.linalg.inv(np.array(told.details["out_from_world"]))
    centres = mesh.triangles_center @ world[:3, :3].T + world[:3, 3]
    corners = mesh.vertices @ world[:3, :3].T + world[:3, 3]
    assert np.allclose([corners.min(axis=0), corners.max(axis=0)], [[-SIDE / 2] * 3, [SIDE / 2] * 3], atol=0.03)
    normals = mesh.face_normals @ world[:3, :3].T
    texture = (
        np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
        if hasattr(mesh.visual.material, "baseColorTexture")
        else np.asarray(mesh.visual.material.image.convert("RGB"))
    )
    uv = mesh.visual.uv[mesh.faces].mean(axis=1)
    rows = np.clip(((1 - uv[:, 1]) * texture.shape[0]).astype(int), 0, texture.shape[0] - 1)
    seen = texture[rows, np.clip((uv[:, 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)].astype(float)
    for face, color in enumerate(FACES):
        axis, sign = face // 2, 1 if face % 2 == 0 else -1
        here = (normals[:, axis] * sign > 0.95) & (centres[:, axis] * sign > 0.45 * SIDE)
        inner = here & (np.delete(np.abs(centres), axis, axis=1).max(axis=1) < 0.4 * SIDE)
        assert inner.sum() > 10 and np.abs(seen[inner] - color).mean() < 3, f"face {face}"


def test_the_mesh_is_recorded_with_pictures_and_a_report_and_made_once(
    meshed: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    root, sink, _ = meshed
    (mesh,) = (one for one in sink.records if isinstance(one, MadeMesh))
    assert mesh.method.startswith("tsdf/") and not mesh.degraded
    assert (mesh.preset, mesh.split, mesh.watertight) == ("fastest", "held_out", True)
    assert mesh.psnr is not None and mesh.psnr > 18 and mesh.observed_share is not None and mesh.observed_share > 0.98
    names = {one.name for one in mesh.files}
    assert {"mesh.obj", "material.mtl", "texture_color.png", "poster.jpg", "quality.json", "mesh.npz"} <= names
    assert {f"{kind}_{i}.png" for kind in ("preview", "wireframe") for i in range(8)} <= names
    assert any(name.startswith("turntable.") for name in names)
    assert all((root / one.file.path).stat().st_size > 0 for one in mesh.files)
    report = json.loads((root / "meshes" / "v0-fastest" / "quality.json").read_text())
    assert (report["psnr"], report["status"], report["mesh"]["faces"]) == (31.5, "normal", mesh.triangles)
    picture = cv2.imread(str(root / "meshes" / "v0-fastest" / "preview_0.png"))
    assert picture.shape == (512, 512, 3) and (picture < 250).any(axis=2).mean() > 0.1, "the cube is in the picture"
    before = (root / "meshes" / "v0-fastest" / "mesh.npz").stat().st_mtime_ns
    again, path = export(root, format="obj")
    assert again.details["triangles"] == mesh.triangles and zipfile.ZipFile(path).testzip() is None
    assert (root / "meshes" / "v0-fastest" / "mesh.npz").stat().st_mtime_ns == before


def test_a_mesh_that_an_attempt_was_killed_over_is_kept_by_the_next(
    meshed: tuple[Path, Recorder, dict[str, Any]], tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(meshed[0], root)
    (root / "meshes" / "v0-fastest" / "kept").unlink()
    (before,) = (one for one in meshed[1].records if isinstance(one, MadeMesh))
    for expected in ([before], []):
        sink = Recorder()
        STEPS["export"].run(root, {"format": "glb"}, sink)
        assert [one for one in sink.records if isinstance(one, MadeMesh)] == expected


@pytest.mark.parametrize("target", FORMATS, ids=lambda one: one.name)
def test_every_format_of_the_list_is_exported_and_read_back(
    target: Any, meshed: tuple[Path, Recorder, dict[str, Any]]
) -> None:
    root = meshed[0]
    told, path = export(root, format=target.name)
    assert path.name.endswith(target.extension) and told.file.made_from
    assert told.details["up_axis"] == target.up_axis and told.details["up"]["sentence"]
    target.read(path)
    lossy = target.kind == "gaussians" and not target.lossless
    assert (told.measured_loss is not None) == lossy
    if lossy:
        assert told.measured_loss is not None and told.measured_loss["split"] == "held_out"
        # The photos are renders of the model, so only the file shows less.
        assert told.measured_loss["full"]["psnr"] == 100 and told.measured_loss["file"]["psnr"] > 30
    if target.keeps_provenance and not path.name.endswith((".zip", ".gz", ".usdz", ".sog")):
        # The header of an STL file has 80 bytes, in which a project has no room.
        assert (b"7e57" if path.suffix != ".stl" else b"maquette") in path.read_bytes()


@pytest.mark.parametrize("name", ["ply", "spz", "glb"])
def test_optimized_files_are_smaller_and_say_what_that_cost(
    name: str, meshed: tuple[Path, Recorder, dict[str, Any]]
) -> None:
    root = meshed[0]
    plain, _ = export(root, format=name)
    small, path = export(root, format=name, optimize=True)
    assert path.stat().st_size < (root / plain.file.path).stat().st_size
    assert small.measured_loss is not None and small.measured_loss["file"]["psnr"] > 15


def test_meshes_are_optimized_to_half_their_triangles_and_less(
    meshed: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    told, path = export(meshed[0], format="glb", optimize=True, origin="center")
    mesh, before = trimesh.load_mesh(path), told.details["triangles_before"]
    assert 0.4 * before < len(mesh.faces) == told.details["triangles"] <= 0.5 * before
    assert mesh.volume == pytest.approx(SIDE**3, rel=0.02)
    assert (told.details["texture"], told.details["texture_laid_out"]) == ("jpeg", "charts")
    assert told.measured_loss is not None and told.measured_loss["loss_psnr_db"] < 1.0
    bare, path = export(meshed[0], format="stl", optimize=True)
    assert len(trimesh.load_mesh(path).faces) == bare.details["triangles"] <= 0.5 * before


def test_a_format_without_colours_says_that_its_loss_was_not_measured(
    meshed: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    told, _ = export(meshed[0], format="stl", optimize=True)
    assert told.measured_loss is None and "no colours" in told.details["loss_not_measured"]
    assert told.details["triangles"] < told.details["triangles_before"]


def test_options_place_scale_and_crop(made: Path) -> None:
    source = format_named("ply").read(made / "models" / "v0" / "model.ply")
    told, path = export(made, format="ply", up_axis="captured")
    assert np.array_equal(np.sort(format_named("ply").read(path).means, axis=0), np.sort(source.means, axis=0))
    assert told.details["up_axis"] == "captured"
    told, path = export(made, format="ply", up_axis="z", scale=10.0, origin="center")
    turned = format_named("ply").read(path)
    assert np.ptp(turned.means[:, 2]) == pytest.approx(10 * SIDE, abs=0.1), "a face is up"
    matrix = np.array(told.details["out_from_world"])
    assert np.allclose(source.means @ matrix[:3, :3].T + matrix[:3, 3], turned.means, atol=1e-3)
    _, path = export(made, format="ply", up_axis="captured", crop=[0, -9, -9, 9, 9, 9])
    assert len(format_named("ply").read(path)) == int((source.means[:, 0] >= 0).sum())
    assert len({p.name for p in (made / "exports").iterdir()}) >= 3, "one export does not overwrite another"


def test_what_cannot_be_exported_is_refused_in_words_and_leaves_no_file(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(made, root)
    for options, code in (
        ({"format": "fbx"}, "unknown_format"),
        ({"format": "stl", "optimize": True}, None),
        ({"format": "colmap", "optimize": True}, "nothing_to_optimize"),
        ({"format": "ply", "crop": [5, 5, 5, 6, 6, 6]}, EmptyCropError.code),
    ):
        if code is None:
            continue
        with pytest.raises(MaquetteError) as refused:
            STEPS["export"].run(root, options, Recorder())
        assert refused.value.code == code and refused.value.suggestion
    scene = load_saved_scene(root / "sfm" / "scene")
    shutil.rmtree(root / "sfm")
    with pytest.raises(SceneNotFoundError):
        STEPS["export"].run(root, {"format": "glb"}, Recorder())
    with pytest.raises(BadPlacingError, match="which way is up"):
        STEPS["export"].run(root, {"format": "ply", "up_axis": "z"}, Recorder())
    sink = Recorder()
    STEPS["export"].run(root, {"format": "spz"}, sink)
    assert [(one.code, one.degraded) for one in sink.warnings] == [("up_unknown", True)]
    told, _ = export(root, format="spz")
    assert told.measured_loss is None and told.details["loss_not_measured"] and told.details["up_axis"] == "captured"
    save_scene(Scene(load_images(scene, made), scene.points, scene.colors), root / "sfm" / "scene")
    with pytest.raises(TooFewMeshViewsError):
        STEPS["export"].run(root, {"format": "glb"}, Recorder())
    assert not (root / "meshes" / "v0-fastest" / "mesh.npz").exists()
    assert {path.suffix for path in (root / "exports").iterdir()} == {".spz"} | {
        p.suffix for p in (made / "exports").glob("*")
    }


def load_images(scene: Scene, made: Path) -> tuple[View, ...]:
    """One view, its photo where it still is."""
    view = scene.views[0]
    return (View(view.name, view.camera, made / "sfm" / "scene" / "images" / view.name),)
