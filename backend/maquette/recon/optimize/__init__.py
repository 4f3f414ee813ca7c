"""Smaller models for export: prune what contributes little, lower the harmonics, measure what it costs."""

from __future__ import annotations

from maquette.recon.optimize.loss import Loss, NothingToMeasureOnError, Quality, measured_loss
from maquette.recon.optimize.search import (
    BadOptimizationError,
    Optimized,
    OptimizeDetails,
    OptimizeSettings,
    optimize_gaussians,
    ply_bytes,
)

__all__ = [
    "BadOptimizationError",
    "Loss",
    "NothingToMeasureOnError",
    "OptimizeDetails",
    "OptimizeSettings",
    "Optimized",
    "Quality",
    "measured_loss",
    "optimize_gaussians",
    "ply_bytes",
]
