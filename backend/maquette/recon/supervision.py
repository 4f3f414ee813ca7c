"""What a training photo says of a frame: the loss against it, and its gradients to all that was rendered."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32, Float64
from numpy import ndarray

from maquette.recon.depth_loss import depth_loss
from maquette.recon.exposure import RATE_END, exposed, exposure_gradients
from maquette.recon.losses import photometric_loss
from maquette.recon.photos import Photo
from maquette.recon.rasterize import Frame, depths
from maquette.recon.rasterize.scratch import Scratch
from maquette.recon.schedule import cooled, progress_at
from maquette.recon.train_settings import TrainSettings
from maquette.recon.weighted_loss import weighted_photometric_loss

DEPTH_WEIGHT_END = 0.01
"""Share of the depth prior's weight that is left at the end of the schedule; exponential on the way, as in 3DGS."""


@dataclass(frozen=True, eq=False)
class Supervision:
    """The loss of a frame, and its gradients to the image, to the expected ``depth``, and to the photo's gains.

    None where the photo or the settings say nothing of it.
    """

    value: float
    image_gradient: Float32[ndarray, "3 h w"]
    depth: Float32[ndarray, "h w"] | None
    depth_gradient: Float32[ndarray, "h w"] | None
    gains_gradient: Float64[ndarray, " 3"] | None


def supervise(
    frame: Frame,
    photo: Photo,
    settings: TrainSettings,
    iteration: int,
    radius: float,
    *,
    gains: Float32[ndarray, " 3"] | None = None,
    scratch: Scratch,
) -> Supervision:
    """Compare a frame with its photo, by the photo's mask, depth and exposure (``gains``) where there are any.

    ``radius`` is the scene's, world units. Gradients live until the next ones made with ``scratch``.
    """
    image = frame.image if gains is None else exposed(frame.image, gains, scratch=scratch)
    if photo.weights is None:
        loss = photometric_loss(image, photo.pixels, settings.ssim_weight, scratch=scratch)
    else:
        loss = weighted_photometric_loss(image, photo.pixels, photo.weights, settings.ssim_weight, scratch=scratch)
    value, depth, depth_gradient, gains_gradient = loss.value, None, None, None
    if gains is not None:
        gains_gradient = exposure_gradients(frame.image, gains, loss.gradient)
    weight = depth_weight_at(settings, iteration)
    if weight > 0 and photo.inverse_depth is not None:
        depth, _ = depths(frame)
        known = depth_loss(
            depth, frame.transmittance, photo.inverse_depth, radius, weights=photo.weights, scratch=scratch
        )
        value += weight * known.value
        depth_gradient = known.gradient
        depth_gradient *= weight
    return Supervision(value, loss.gradient, depth, depth_gradient, gains_gradient)


def depth_weight_at(settings: TrainSettings, iteration: int) -> float:
    """Weight of the depth prior in the loss of an iteration."""
    return float(settings.depth_weight * DEPTH_WEIGHT_END ** progress_at(settings, iteration))


def exposure_rate_at(settings: TrainSettings, iteration: int) -> float:
    """Step size of the exposures in an iteration."""
    done = progress_at(settings, iteration)
    if done < settings.exposure_from:
        return 0.0
    return float(settings.exposure_rate * settings.rate_scale * cooled(settings, iteration) * RATE_END**done)
