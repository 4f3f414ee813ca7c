"""What a file shows less than the model: measured on the same photos, as far as they are there."""

from __future__ import annotations

from typing import Any

from maquette.recon.frame import moved
from maquette.recon.mesh import Mesh
from maquette.recon.optimize import measured_loss
from maquette.recon.scene import Scene
from maquette.recon.texture import measure_mesh
from maquette.recon.texture.measuring import MeshNotSeenError
from maquette.steps import evaluation
from maquette.steps.export_content import Made, there
from maquette.steps.folder import Folder
from maquette.steps.standing import Standing
from maquette.steps.training import MEASURED_VIEWS, spread

Told = tuple[dict[str, Any] | None, str | None]
"""The loss, None where there is none or it was not measured; and why it was not."""


def loss_of(folder: Folder, made: Made, read_back: Any, standing: Standing, *, cropped: bool) -> Told:
    """PSNR and SSIM of the full content and of the file as read back, on the held-out photos."""
    if made.full is None:
        return None, made.unmeasured
    if isinstance(read_back, Mesh) and read_back.texture is None and read_back.colors is None:
        return None, "the format has no colours that photos could be compared with"
    if cropped:
        return None, "the file is cropped: what is missing is meant to be"
    eval_set = evaluation.load(folder)
    if made.scene is None or eval_set is None:
        return None, "the photos are gone"
    held_out = there(made.scene, eval_set.held_out(made.scene))
    training = () if held_out else there(made.scene, eval_set.training(made.scene))
    if not held_out and not training:
        return None, "the photos are gone"
    if isinstance(made.full, Mesh):
        views, split = (held_out, "held_out") if held_out else (training, "training")
        return _of_meshes(made.full, read_back, made.scene, standing, views, split)
    loss = measured_loss(
        made.full,
        read_back,
        made.scene,
        held_out,
        training,
        max_side_px=eval_set.long_side,
        file_from_world=standing.out_from_world,
    )
    return loss.as_dict(), None


def _of_meshes(
    whole: Mesh, read_back: Mesh, scene: Scene, standing: Standing, views: tuple[int, ...], split: str
) -> Told:
    """Over whole frames, black where there is no mesh: pixels that a smaller mesh covers no more count against it."""
    few = spread(views, MEASURED_VIEWS)
    try:
        full = measure_mesh(whole, scene, few)
        seen = [index for index in few if scene.views[index].name in {view.name for view in full.views}]
        file = measure_mesh(moved(read_back, standing.out_from_world.inverse), scene, seen)
    except MeshNotSeenError:
        return None, "no photo to measure by shows the mesh"
    told = {
        "full": {"psnr": full.frame_psnr, "ssim": full.frame_ssim},
        "file": {"psnr": file.frame_psnr, "ssim": file.frame_ssim},
        "of": "whole frames, black where there is no mesh",
        "split": split,
        "views": len(seen),
        "loss_psnr_db": full.frame_psnr - file.frame_psnr,
        "loss_ssim": full.frame_ssim - file.frame_ssim,
    }
    return told, None
