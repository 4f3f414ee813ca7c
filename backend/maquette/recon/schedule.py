"""When what happens in a training run: resolution, harmonics, step sizes, density control; the same on every device."""

from __future__ import annotations

import math

from maquette.recon.optimizer import LearningRates
from maquette.recon.train_settings import TrainSettings

COOLED = 0.1


def progress_at(settings: TrainSettings, iteration: int) -> float:
    """Share of the schedule that is done after ``iteration`` iterations, 0 to 1."""
    return min(1.0, iteration / (settings.schedule_iterations or settings.iterations))


def level_at(settings: TrainSettings, done: float) -> int:
    """How often the photos are halved: down from ``coarse_levels`` in equal parts of ``coarse_until``."""
    if done >= settings.coarse_until:
        return 0
    return settings.coarse_levels - int(settings.coarse_levels * done / settings.coarse_until)


def sh_degree_at(settings: TrainSettings, done: float) -> int:
    """Degree of the harmonics in use."""
    if settings.sh_every == 0.0:
        return settings.sh_degree
    return min(settings.sh_degree, int(done / settings.sh_every))


def rates_at(settings: TrainSettings, iteration: int, radius: float) -> LearningRates:
    """Step sizes of an iteration; the means' fall exponentially and scale with the scene."""
    done = progress_at(settings, iteration)
    means = settings.means_rate * (settings.means_rate_end / settings.means_rate) ** done
    scale = settings.rate_scale * cooled(settings, iteration)
    others = scale * settings.rate_end**done
    return LearningRates(
        means=scale * means * radius,
        log_scales=others * settings.log_scales_rate,
        quaternions=others * settings.quaternions_rate,
        opacity_logits=others * settings.opacity_logits_rate,
        sh_base=others * settings.sh_base_rate,
        sh_rest=others * settings.sh_rest_rate,
    )


def cooled(settings: TrainSettings, iteration: int) -> float:
    """Factor on all step sizes: 1 until the cool-down begins, a tenth at the last iteration."""
    if settings.cooldown_iterations == 0:
        return 1.0
    left = max(0, settings.iterations - iteration) / settings.cooldown_iterations
    return float(COOLED ** (1.0 - min(1.0, left)))


def densifies_at(settings: TrainSettings, iteration: int) -> bool:
    """Whether Gaussians are added and dropped after this iteration."""
    done = progress_at(settings, iteration)
    return settings.densify_from <= done <= settings.densify_until and iteration % settings.densify_every == 0


def resets_opacity_at(settings: TrainSettings, iteration: int) -> bool:
    """Whether all opacities are lowered after this iteration."""
    return progress_at(settings, iteration) <= settings.densify_until and iteration % settings.opacity_reset_every == 0


def relocates_at(settings: TrainSettings, iteration: int) -> bool:
    """Whether, with the strategy ``mcmc``, faded Gaussians are moved after this iteration."""
    done = progress_at(settings, iteration)
    return settings.densify_from <= done <= settings.relocate_until and iteration % settings.densify_every == 0


def budget_at(settings: TrainSettings, iteration: int, count: int) -> int:
    """How many Gaussians ``count`` become at this relocation: by equal factors up to the cap at ``densify_until``."""
    done = progress_at(settings, iteration)
    if done > settings.densify_until or count == 0:
        return count
    length = settings.schedule_iterations or settings.iterations
    # A hair more, so that a share like 0.6 of 1000 does not end at 599.999.
    left = math.floor((settings.densify_until - done) * length / settings.densify_every + 1e-6) + 1
    factor = math.pow(settings.max_gaussians / count, 1 / left)
    return max(count, min(settings.max_gaussians, round(count * factor)))


def noise_at(settings: TrainSettings, iteration: int) -> float:
    """Strength of exploring after this iteration, per scene radius; 0 once nothing is moved any more."""
    if settings.strategy != "mcmc" or progress_at(settings, iteration) > settings.relocate_until:
        return 0.0
    return settings.noise * rates_at(settings, iteration, 1.0).means
