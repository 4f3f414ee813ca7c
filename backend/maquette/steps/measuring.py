"""Measures a version on both splits: metric rows, and what the sanity gate makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maquette.errors import MaquetteError
from maquette.recon.gaussians import Gaussians
from maquette.recon.lpips import MODEL, Lpips, load_lpips
from maquette.recon.measuring import COLOUR, Measured, measure
from maquette.recon.quality import Quality
from maquette.recon.sanity import Finding, check_gaussians, check_renders, refuse_hard
from maquette.recon.scene import Scene
from maquette.recon.weights import Weights
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.records import Metric, Split, Warn
from maquette.steps.sink import Sink
from maquette.steps.training import MEASURED_VIEWS, spread


def measure_version(
    gaussians: Gaussians, scene: Scene, eval_set: EvaluationSet, weights: Weights, sink: Sink
) -> tuple[tuple[Metric, ...], tuple[Finding, ...]]:
    """Metrics of the held-out and of some training views, each split's mean first, and what is wrong with the model.

    Each finding is told to the ``sink``, degraded. Raises ``model_not_sound`` where it is no model.
    """
    findings = check_gaussians(gaussians, scene)
    refuse_hard(findings)
    lpips = _lpips(weights, sink)
    metrics: list[Metric] = []
    shown = []
    splits: tuple[tuple[Split, tuple[int, ...]], ...] = (
        ("held_out", eval_set.held_out(scene)),
        ("training", spread(eval_set.training(scene), MEASURED_VIEWS)),
    )
    for number, (split, views) in enumerate(splits):
        measured = measure(gaussians, scene, views, max_side_px=eval_set.long_side, lpips=lpips)
        metrics += _metrics(measured, split, lpips)
        shown += [one.shown for one in measured]
        sink.progress("evaluation", (number + 1) / (len(splits) + 1))
    findings += check_renders(shown)
    refuse_hard(findings)
    for finding in findings:
        sink.warn(
            Warn(code=finding.code, message=finding.message, suggestion=finding.suggestion, degraded=True),
        )
    return tuple(metrics), tuple(findings)


def _lpips(weights: Weights, sink: Sink) -> Lpips | None:
    """The metric where its weights are; weights that are here and do not work are told, and cost no version."""
    if MODEL not in weights.models and MODEL not in weights.problems:
        return None
    try:
        return load_lpips(weights[MODEL])
    except MaquetteError as error:
        sink.warn(
            Warn(
                code="lpips_not_measured",
                message=f"LPIPS was not measured. {error.message}",
                suggestion=error.suggestion,
            )
        )
        return None


def _metrics(measured: Sequence[Measured], split: Split, lpips: Lpips | None) -> list[Metric]:
    """The mean and each view; nothing where there are no views."""
    if not measured:
        return []
    lpips_weights = None if lpips is None else f"{MODEL} {lpips.revision}"
    quality = _mean(measured)
    masks = {one.masked for one in measured}
    largest = max(measured, key=lambda one: one.width * one.height)
    mean = Metric(
        split=split,
        view_index=None,
        psnr=quality.psnr,
        ssim=quality.ssim,
        lpips=quality.lpips,
        depth_consistency=quality.depth_consistency,
        overall_quality=quality.overall,
        width=largest.width,
        height=largest.height,
        mask="some" if len(masks) > 1 else "masked" if True in masks else "none",
        colour=COLOUR,
        lpips_weights=None if quality.lpips is None else lpips_weights,
    )
    views = [
        Metric(
            split=split,
            view_index=one.view_index,
            psnr=one.psnr,
            ssim=one.ssim,
            lpips=one.lpips,
            depth_consistency=one.depth_consistency,
            width=one.width,
            height=one.height,
            mask="masked" if one.masked else "none",
            colour=COLOUR,
            lpips_weights=None if one.lpips is None else lpips_weights,
        )
        for one in measured
    ]
    return [mean, *views]


def _mean(measured: Sequence[Measured]) -> Quality:
    """Over the views. LPIPS only where all have one. A view without depth consistency counts as 0 where others have
    one: leaving it out would reward a version for showing nothing there.
    """
    lpips = [one.lpips for one in measured if one.lpips is not None]
    depth = [one.depth_consistency for one in measured if one.depth_consistency is not None]
    return Quality(
        psnr=float(np.mean([one.psnr for one in measured])),
        ssim=float(np.mean([one.ssim for one in measured])),
        lpips=float(np.mean(lpips)) if len(lpips) == len(measured) else None,
        depth_consistency=sum(depth) / len(measured) if depth else None,
    )
