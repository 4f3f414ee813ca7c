"""The whole point, on a known scene: half of the enhanced views are corrupted, and the model does not learn from them.

The fast form of bench/consistency.py. Margins are about half of what these seeds give; docs/refinement.md has more.
"""

from __future__ import annotations

from pathlib import Path

from bench.consistency import CORRUPTIONS, TRUE, Parent, enhance, make_parent, refine_arms, weigh_all

from maquette.recon.synthetic import make_capture


def parent_of(folder: Path, seed: int) -> Parent:
    scene = make_capture(folder / "photos", views=24, width=128, height=96, seed=seed).scene(points=1000)
    return make_parent(scene, anchor_every=3, iterations=300, seed=seed)


def test_what_is_corrupted_gets_no_weight_and_what_is_true_keeps_it(tmp_path: Path) -> None:
    parent = parent_of(tmp_path, seed=2)
    enhanced = enhance(parent, list(CORRUPTIONS), tmp_path / "views", seed=2)
    weight = {one.view.picture.name: float(one.weights.mean()) for one in weigh_all(parent, enhanced)}
    kinds = {one.view.picture.name: one.kind for one in enhanced}
    assert len([kind for kind in kinds.values() if kind != TRUE]) == len(kinds) // 2
    assert min(weight[name] for name, kind in kinds.items() if kind == TRUE) > 0.7
    assert max(weight[name] for name, kind in kinds.items() if kind not in (TRUE, "object")) < 0.1


def test_refining_with_weights_rejects_what_was_corrupted(tmp_path: Path) -> None:
    # All corrupted views err alike, as an enhancement does that misplaces what it draws: nothing outvotes them.
    parent = parent_of(tmp_path, seed=1)
    enhanced = enhance(parent, ["shift"], tmp_path / "views", seed=1)
    psnr, ssim = ({}, {})
    for arm, scores in refine_arms(
        parent,
        enhanced,
        weigh_all(parent, enhanced),
        tmp_path / "masks",
        iterations=120,
        rate_scale=3.0,
        enhanced_share=1.0,
    ).items():
        psnr[arm], ssim[arm] = scores
    assert psnr["weighted"] > psnr["unweighted"] + 0.2
    assert ssim["weighted"] > ssim["unweighted"] + 0.02
    assert psnr["weighted"] > psnr["photos"] + 0.2
    assert psnr["weighted"] > psnr["before"] + 0.35
    assert psnr["weighted"] > psnr["clean half"] - 0.15
