"""The model: a set of 3D Gaussians as five float32 arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int
from numpy import ndarray

SH_C0 = 0.28209479177387814
"""Constant of the degree-0 real spherical harmonic: sRGB colour = SH_C0 * coefficient + 0.5."""


@dataclass
class Gaussians:
    """Parameters as they are optimised and as 3DGS PLY files store them (Kerbl et al. 2023, section 4).

    ``means`` world units; ``log_scales`` natural logarithm of the standard deviations in world units;
    ``quaternions`` wxyz, not necessarily of unit length; ``opacity_logits`` before the sigmoid;
    ``sh`` real spherical-harmonic coefficients, ``k = (degree + 1)**2``, last axis RGB.
    """

    means: Float32[ndarray, "n 3"]
    log_scales: Float32[ndarray, "n 3"]
    quaternions: Float32[ndarray, "n 4"]
    opacity_logits: Float32[ndarray, " n"]
    sh: Float32[ndarray, "n k 3"]

    def __post_init__(self) -> None:
        # Compiled loops read rows as they lie in memory: a transposed array would be misread in silence.
        self.means = np.ascontiguousarray(self.means)
        self.log_scales = np.ascontiguousarray(self.log_scales)
        self.quaternions = np.ascontiguousarray(self.quaternions)
        self.opacity_logits = np.ascontiguousarray(self.opacity_logits)
        self.sh = np.ascontiguousarray(self.sh)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Highest spherical-harmonic degree stored, 0 to 3."""
        return int(np.sqrt(self.sh.shape[1])) - 1

    def subset(self, keep: Bool[ndarray, " n"] | Int[ndarray, " m"]) -> Gaussians:
        """A copy of the Gaussians that ``keep`` selects."""
        return Gaussians(
            means=self.means[keep],
            log_scales=self.log_scales[keep],
            quaternions=self.quaternions[keep],
            opacity_logits=self.opacity_logits[keep],
            sh=self.sh[keep],
        )
