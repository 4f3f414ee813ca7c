"""Meshes by other engines: kept as the version's own, measured by us, used by its exports."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.steps.conftest import Recorder
from tests.steps.engines.programs import BEGIN, argv_of

from maquette.recon.formats import format_named
from maquette.recon.mesh import Mesh
from maquette.recon.mesh.saved import save_mesh
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import STEPS
from maquette.steps.engines.engine import EngineLimits, Program, Setup
from maquette.steps.engines.errors import EngineOutputRefusedError
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.setups import write_setups
from maquette.steps.engines.taking import take_mesh
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Export, MadeMesh

GIVES = BEGIN + "say(version='0.9')\nshutil.copytree(sys.argv[1], output, dirs_exist_ok=True)\n"
WANTED = {"preset": "fastest", "seed": 3}


@pytest.fixture
def made(generated: Folder) -> Folder:
    """A project whose model and depth maps are kept: only a mesh is left to make."""
    write_json(generated.root / "project.json", {"views_kept": True, "versions_of_run": [0], "depth_maps_kept": 1})
    return generated


def slab(folder: Folder, color: int, *, away: float = 0.0) -> Mesh:
    """A box around the scene's points, in one grey."""
    points = load_saved_scene(folder.scene).points
    low, high = np.percentile(points, 5, axis=0), np.percentile(points, 95, axis=0)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    faces = [
        [0, 1, 3],
        [0, 3, 2],
        [4, 6, 7],
        [4, 7, 5],
        [0, 4, 5],
        [0, 5, 1],
        [2, 3, 7],
        [2, 7, 6],
        [0, 2, 6],
        [0, 6, 4],
    ]
    faces += [[1, 5, 7], [1, 7, 3]]
    vertices = (low + corners * (high - low) + away).astype(np.float32)
    return Mesh(vertices, np.array(faces, np.int32), colors=np.full((8, 3), color, np.uint8))


def gives(folder: Folder, **meshes: Mesh | None) -> None:
    """Engines that leave these meshes, as GLB; None: nothing."""
    setups = {}
    for name, mesh in meshes.items():
        ready = folder.root.parent / "ready" / name
        ready.mkdir(parents=True)
        if mesh is not None:
            format_named("glb").write(mesh, ready / "mesh.glb", provenance={})
        argv = argv_of(GIVES, folder.root.parent / "programs" / f"{name}.py", str(ready))
        setups[name] = Setup(argv=argv, identity=name)
    write_setups(folder, {**setups, "both": Setup(identity="both")}, EngineLimits())


def test_both_keep_the_mesh_that_the_photos_agree_with(made: Folder) -> None:
    gives(made, reconviagen=slab(made, 255), nvdiffrec=slab(made, 110))
    sink = Recorder()
    result = STEPS["generate"].run(made.root, {**WANTED, "engine": "both"}, sink)
    (mesh,) = [record for record in sink.records if isinstance(record, MadeMesh)]
    engine = mesh.details["engine"]
    assert (mesh.method, engine["name"], engine["version"], engine["asked"]) == (
        "nvdiffrec/engine", "nvdiffrec", "0.9", "both",
    )  # fmt: skip
    compared = engine["compared"]
    assert compared["nvdiffrec"]["frame_psnr"] > compared["reconviagen"]["frame_psnr"]
    assert (mesh.triangles, mesh.watertight, mesh.split, mesh.preset) == (12, True, "held_out", "fastest")
    assert mesh.psnr is not None and mesh.psnr > 3 and result["mesh_engine"]["name"] == "nvdiffrec"
    assert {"preview_0.png", "mesh.obj", "mesh.npz", "quality.json"} <= {file.name for file in mesh.files}

    exporting = Recorder()
    STEPS["export"].run(made.root, {"format": "stl", "version": 0}, exporting)
    (export,) = [record for record in exporting.records if isinstance(record, Export)]
    assert export.details["triangles"] == 12, "exports are written from it"


def test_a_mesh_as_obj_with_files_that_are_none_of_it(made: Folder) -> None:
    gives(made, reconviagen=None)
    ready = made.root.parent / "ready" / "reconviagen"
    format_named("obj").write(slab(made, 110), ready / "whole.obj.zip", provenance={})
    with zipfile.ZipFile(ready / "whole.obj.zip") as archive:
        archive.extractall(ready)
    (ready / "secret.png").symlink_to("/etc/passwd")
    sink = Recorder()
    with pytest.raises(EngineOutputRefusedError, match=r"secret\.png is a link"):
        # The stand-in's copy would follow it: an engine that links is what is tried here.
        argv = argv_of(
            GIVES.replace("dirs_exist_ok=True", "dirs_exist_ok=True, symlinks=True"),
            ready.parent / "links.py",
            str(ready),
        )
        write_setups(made, {"reconviagen": Setup(argv=argv)}, EngineLimits())
        STEPS["generate"].run(made.root, {**WANTED, "engine": "reconviagen"}, sink)
    assert not sink.records
    (ready / "secret.png").unlink()
    home = EngineFolder.of(made, "reconviagen")
    home.begin()
    shutil.copytree(ready, home.output, dirs_exist_ok=True)
    taken = take_mesh("reconviagen", Program([]), home, most_bytes=1 << 20)
    assert len(format_named("obj").read(taken).faces) == 12


@pytest.mark.parametrize(
    ("away", "why"), [(None, "neither output/mesh.glb nor output/mesh.obj"), (1e5, "no photo shows its mesh")]
)
def test_a_mesh_that_cannot_be_used_is_refused(made: Folder, away: float | None, why: str) -> None:
    gives(made, reconviagen=None if away is None else slab(made, 110, away=away))
    sink = Recorder()
    with pytest.raises(EngineOutputRefusedError, match=why):
        STEPS["generate"].run(made.root, {**WANTED, "engine": "reconviagen"}, sink)
    assert not sink.records


def test_ours_stands_in_where_the_call_allows_it(made: Folder) -> None:
    """Ours is there already, for making it takes long and has tests of its own."""
    home, mesh = made.mesh(0, "fastest", filtered=False), slab(made, 110)
    home.mkdir(parents=True)
    record = MadeMesh(
        version=0, preset="fastest", filtered=False, method="tsdf/baked", triangles=12, vertices=8, watertight=True,
        texture_px=None, observed_share=None, split=None, psnr=None, ssim=None, degraded=False, seconds=1, files=(),
        details={"engine": {"name": "maquette"}},
    )  # fmt: skip
    write_json(home / "record.json", record.model_dump(mode="json"))
    save_mesh(mesh, home / "mesh.npz", told=[])
    gives(made, reconviagen=None)
    sink = Recorder()
    result = STEPS["generate"].run(made.root, {**WANTED, "engine": "reconviagen", "engine_fallback": True}, sink)
    assert sink.records == [record]
    assert result["mesh_engine"]["because"] == "engine_output_refused"
    assert "engine_output_refused" in {warning.code for warning in sink.warnings if warning.degraded}


def test_a_glb_that_is_none_is_refused(made: Folder) -> None:
    gives(made, nvdiffrec=None)
    Path(made.root.parent / "ready/nvdiffrec/mesh.glb").write_bytes(b"glTF" + bytes(400))
    with pytest.raises(EngineOutputRefusedError, match="GLB"):
        STEPS["generate"].run(made.root, {**WANTED, "engine": "nvdiffrec"}, Recorder())
