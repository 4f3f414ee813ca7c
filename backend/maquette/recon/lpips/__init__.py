"""The metric LPIPS (Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric).

Optional: it runs where its weights lie (the model ``lpips-alex``) and torch is installed. docs/metrics.md says what the
weight files hold.
"""

from maquette.recon.lpips.distance import Lpips, UnfitPictureError, fits
from maquette.recon.lpips.loading import MODEL, TorchMissingError, load_lpips

__all__ = ["MODEL", "Lpips", "TorchMissingError", "UnfitPictureError", "fits", "load_lpips"]
