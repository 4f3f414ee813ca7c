"""What a refine round looks at before it begins: the parent version's renders of the views that need it most."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.recon.evaluate import compare
from maquette.recon.formats import format_named
from maquette.recon.gaussians.previews import write_picture
from maquette.recon.scene import Scene
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.records import EnhancedView, File, Model

LOOKED_AT = 4
"""Views that a round keeps renders of: enough to see what it is to mend, few enough to cost nothing."""


def render_worst(
    folder: Folder, scene: Scene, eval_set: EvaluationSet, views: Sequence[int], parent: Model, method: str
) -> tuple[EnhancedView, ...]:
    """Render up to LOOKED_AT of the training ``views`` from the parent, at the size that metrics are computed at.

    Pictures lie under the number of the version that the round will make. Raises ``unreadable_photo``.
    """
    gaussians = format_named("ply").read(folder.root / parent.model.path)
    home = folder.model(folder.next_version())
    home.mkdir(parents=True, exist_ok=True)
    cameras = folder.relative(folder.scene / "cameras.json")
    looked_at = []
    for seen in compare(gaussians, scene, worst(parent, views), max_side_px=eval_set.long_side):
        path = home / f"rendered-{seen.view_index:04d}.jpg"
        write_picture(seen.render, path)
        rendered = File(
            kind="rendered_view",
            path=folder.relative(path),
            mime="image/jpeg",
            made_from=(parent.model.path, cameras),
        )
        looked_at.append(EnhancedView(view_index=seen.view_index, method=method, rendered=rendered))
    return tuple(looked_at)


def worst(parent: Model, views: Sequence[int], count: int = LOOKED_AT) -> tuple[int, ...]:
    """Of ``views`` those that the parent shows worst by PSNR, the worst first; unmeasured ones after all others."""
    psnr = {m.view_index: m.psnr for m in parent.metrics if m.split == "training" and m.view_index is not None}
    return tuple(sorted(views, key=lambda index: (psnr.get(index, float("inf")), index))[:count])
