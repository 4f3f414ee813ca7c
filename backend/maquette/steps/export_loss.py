"""What a file shows less than the model: measured on the same photos, as far as they are there."""

from __future__ import annotations

from typing import Any

from maquette.recon.formats import Format
from maquette.recon.frame import moved
from maquette.recon.mesh import Mesh
from maquette.recon.optimize import measured_loss
from maquette.recon.scene import Scene
from maquette.recon.texture import measure_mesh
from maquette.steps import evaluation
from maquette.steps.export_content import Made
from maquette.steps.folder import Folder
from maquette.steps.standing import Standing
from maquette.steps.training import MEASURED_VIEWS, spread

Told = tuple[dict[str, Any] | None, str | None]
"""The loss, None where there is none or it was not measured; and why it was not."""


def loss_of(
    folder: Folder, target: Format[Any], made: Made, read_back: Any, standing: Standing, *, cropped: bool
) -> Told:
    """PSNR and SSIM of the full content and of the file as read back, on the held-out photos."""
    if made.full is None:
        return None, None
    if isinstance(read_back, Mesh) and read_back.texture is None and read_back.colors is None:
        return None, "the format has no colours that photos could be compared with"
    if cropped:
        return None, "the file is cropped: what is missing is meant to be"
    eval_set = evaluation.load(folder)
    if made.scene is None or eval_set is None:
        return None, "the photos are gone"
    held_out, training = (_there(made.scene, some) for some in (eval_set.held_out(made.scene), ()))
    training = () if held_out else _there(made.scene, eval_set.training(made.scene))
    if not held_out and not training:
        return None, "the photos are gone"
    if isinstance(made.full, Mesh):
        views, split = (held_out, "held_out") if held_out else (training, "training")
        return _of_meshes(made.full, read_back, made.scene, standing, views, split), None
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


def _there(scene: Scene, views: tuple[int, ...]) -> tuple[int, ...]:
    """Those whose photo is in the folder."""
    return tuple(index for index in views if scene.views[index].image_path.exists())


def _of_meshes(
    whole: Mesh, read_back: Mesh, scene: Scene, standing: Standing, views: tuple[int, ...], split: str
) -> dict[str, Any]:
    few = spread(views, MEASURED_VIEWS)
    full = measure_mesh(whole, scene, few)
    file = measure_mesh(moved(read_back, standing.out_from_world.inverse), scene, few)
    return {
        "full": {"psnr": full.psnr, "ssim": full.ssim},
        "file": {"psnr": file.psnr, "ssim": file.ssim},
        "split": split,
        "views": len(few),
        "loss_psnr_db": full.psnr - file.psnr,
        "loss_ssim": full.ssim - file.ssim,
    }
