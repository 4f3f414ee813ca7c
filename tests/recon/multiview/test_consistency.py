"""The whole point, on a known scene: half of the enhanced views are corrupted, and the model does not learn from them.

The fast form of bench/consistency.py. Margins are about half of this seed's; docs/refinement.md has five seeds.
"""

from __future__ import annotations

from pathlib import Path

from bench.consistency import CORRUPTIONS, TRUE, enhance, make_parent, refine_arms, weigh_all

from maquette.recon.synthetic import make_capture


def test_refining_with_weights_rejects_what_was_corrupted(tmp_path: Path) -> None:
    scene = make_capture(tmp_path / "photos", views=24, width=128, height=96, seed=2).scene(points=1000)
    parent = make_parent(scene, anchor_every=3, iterations=300, seed=2)
    enhanced = enhance(parent, list(CORRUPTIONS), tmp_path / "views", seed=2)
    weighed = weigh_all(parent, enhanced)

    weight = {one.view.picture.name: float(one.weights.mean()) for one in weighed}
    kinds = {one.view.picture.name: one.kind for one in enhanced}
    assert len([kind for kind in kinds.values() if kind != TRUE]) == len(kinds) // 2
    assert min(weight[name] for name, kind in kinds.items() if kind == TRUE) > 0.7
    assert max(weight[name] for name, kind in kinds.items() if kind not in (TRUE, "object")) < 0.1

    psnr, ssim = ({}, {})
    for arm, scores in refine_arms(
        parent, enhanced, weighed, tmp_path / "masks", iterations=120, rate_scale=3.0, enhanced_share=1.0
    ).items():
        psnr[arm], ssim[arm] = scores
    assert psnr["weighted"] > psnr["unweighted"] + 0.25
    assert ssim["weighted"] > ssim["unweighted"] + 0.02
    assert psnr["weighted"] > psnr["photos"] + 0.3
    assert psnr["weighted"] > psnr["before"] + 0.4
    assert psnr["weighted"] > psnr["clean half"] - 0.25
