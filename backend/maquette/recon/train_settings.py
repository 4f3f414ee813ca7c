"""What a training run can be told: each setting with its meaning, unit and default in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from maquette.errors import BadInputError


class BadTrainSettingsError(BadInputError):
    """A training setting is outside its bounds."""

    code = "bad_train_settings"


Strategy = Literal["default", "mcmc"]

REFINE_OPACITY_WEIGHT = 0.03
"""A finished model is sharp where photos agree and foggy where none look; this dissolves fog (docs/engine.md)."""


@dataclass(frozen=True)
class TrainSettings:
    """Settings of :func:`maquette.recon.train.train`. Iterations are photos seen, one at a time."""

    iterations: int = 2000
    """The iteration to stop after, counted from the very first one; a resumed run goes on to it. At least 1."""
    schedule_iterations: int | None = None
    """Length the schedules below are laid out for (none: ``iterations``). Beyond it everything stays at its end."""
    seed: int = 0
    """Of the order of photos and of the places of split Gaussians."""

    downscale: float = 1.0
    """Photos are trained at their size divided by this, at least 1."""
    max_side_px: int | None = None
    """Further limit of the longer side of the training photos, pixels."""
    coarse_levels: int = 2
    """Training starts with photos halved this often and doubles them (DashGaussian, Chen et al. 2025), 0 to 4."""
    coarse_until: float = 0.4
    """Share of the schedule at which full resolution is reached, 0 to 1."""

    sh_degree: int = 3
    """Highest degree of the spherical harmonics, 0 to 3."""
    sh_every: float = 0.1
    """Share of the schedule between two steps of that degree."""
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Colour behind the scene, sRGB 0 to 1."""
    ssim_weight: float = 0.2
    """Weight of 1 - SSIM against L1, 0 to 1."""
    opacity_weight: float = 0.0
    """Weight of the mean opacity in the loss, at least 0. 0.01 lets floaters fade that no photo asks for: better
    with few photos, a little worse with many."""

    strategy: Strategy = "default"
    """How Gaussians are added: ``default`` clones, splits and prunes by the photos' errors; ``mcmc`` fills
    ``max_gaussians`` and moves those that have faded (Kheradmand et al. 2024)."""
    max_gaussians: int = 200_000
    """Hard cap. First points beyond it are left out. At least 1."""
    seed_uncovered: bool = True
    """Whether the first Gaussians also stand where photos show something that no sparse point covers."""
    clear_share: float = 0.5
    """Gaussians that stand nearer to a training camera, in its view, than this share of the depth of the nearest sparse
    points that it sees are dropped at each densification, 0 to 1; 0: none are."""
    densify_from: float = 0.05
    """Share of the schedule before the first densification."""
    densify_until: float = 0.6
    """Share of the schedule after which the number of Gaussians no longer grows."""
    densify_every: int = 100
    """Iterations between two densifications. At least 1."""
    densify_threshold: float = 3e-4
    """Mean screen gradient, half images, from which a Gaussian is cloned or split."""
    split_above: float = 0.01
    """Size, in scene radii, from which it is split rather than cloned."""
    min_opacity: float = 0.005
    """Fainter Gaussians are dropped at each densification, 0 to 1."""
    max_scale: float = 0.2
    """Larger Gaussians, in scene radii, are dropped at each densification."""
    opacity_reset_every: int = 3000
    """Iterations between two resets of all opacities to at most twice ``min_opacity``, while densifying."""

    relocate_until: float = 0.85
    """Share of the schedule after which, with ``mcmc``, nothing is moved and nothing explores."""
    noise: float = 5e5
    """Strength of exploring with ``mcmc``, in step sizes of the means (Kheradmand et al. 2024, equation 8)."""

    means_rate: float = 1.6e-4
    """First step size of the means, in scene radii."""
    means_rate_end: float = 1.6e-6
    """Last step size of the means, in scene radii; exponential in between."""
    log_scales_rate: float = 1e-2
    """Step size of the logarithms of the sizes."""
    quaternions_rate: float = 1e-3
    """Step size of the rotations."""
    opacity_logits_rate: float = 5e-2
    """Step size of the opacity logits."""
    sh_base_rate: float = 2.5e-3
    """Step size of the base colour."""
    sh_rest_rate: float = 2.5e-4
    """Step size of the other spherical harmonics."""
    rate_scale: float = 1.0
    """Factor on every step size, above 0; refinement uses it."""
    rate_end: float = 1.0
    """Factor on all step sizes but the means' at the end of the schedule; exponential from 1 on the way."""

    cooldown_iterations: int = 0
    """Over so many last iterations every step size falls to a tenth, exponentially, so that the model ends between
    the photos it saw last instead of on one of them. Refinement uses it; 0: none."""

    depth_weight: float = 0.0
    """Weight of the depth prior, where views bring one, against the photo: the mean difference of inverse depths in
    scene radii. It falls exponentially to a hundredth over the schedule. At least 0; 0: they teach nothing."""
    depth_seeds: bool = False
    """Whether the first Gaussians also stand where the depths say that views bring, though their weight be 0. With a
    weight they do in any case; without either, depths are not even read."""
    exposure: bool = True
    """Whether every training photo gets an exposure of its own: a gain per colour. Held-out photos never do."""
    exposure_from: float = 0.4
    """Share of the schedule from which exposures are learned; earlier they take in what the model cannot show yet."""
    exposure_rate: float = 1e-2
    """Step size of the exposures' gains; it falls to a tenth over the schedule, exponentially."""

    def checked(self) -> TrainSettings:
        """These settings, or :class:`BadTrainSettingsError` naming the first one out of bounds."""
        bounds: tuple[tuple[str, float, float], ...] = (
            ("iterations", 1, 10_000_000),
            ("downscale", 1.0, float("inf")),
            ("coarse_levels", 0, 4),
            ("coarse_until", 0.0, 1.0),
            ("sh_degree", 0, 3),
            ("sh_every", 0.0, 1.0),
            ("ssim_weight", 0.0, 1.0),
            ("opacity_weight", 0.0, 1.0),
            ("cooldown_iterations", 0, 10_000_000),
            ("max_gaussians", 1, 100_000_000),
            ("clear_share", 0.0, 1.0),
            ("densify_from", 0.0, 1.0),
            ("densify_until", 0.0, 1.0),
            ("densify_every", 1, 10_000_000),
            ("densify_threshold", 0.0, 1e9),
            ("opacity_reset_every", 1, 10_000_000),
            ("split_above", 0.0, 1e9),
            ("max_scale", 1e-9, 1e9),
            ("relocate_until", 0.0, 1.0),
            ("noise", 0.0, 1e12),
            ("rate_scale", 1e-9, 1e9),
            ("depth_weight", 0.0, 1e6),
            ("exposure_from", 0.0, 1.0),
            ("exposure_rate", 0.0, 1.0),
        )
        for name, low, high in bounds:
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadTrainSettingsError(
                    f"{name} is {value}; it must lie between {low:g} and {high:g}.",
                    suggestion=f"Choose a {name} within these bounds.",
                    setting=name,
                )
        if self.strategy not in get_args(Strategy):
            raise BadTrainSettingsError(
                f"There is no strategy {self.strategy!r}.",
                suggestion=f"Choose one of {', '.join(get_args(Strategy))}.",
                setting="strategy",
            )
        return self


def refine_settings(
    settings: TrainSettings, *, from_iteration: int, iterations: int, rate_scale: float = 1.0
) -> TrainSettings:
    """Settings that go on from a finished run for ``iterations`` more, at its last step sizes times ``rate_scale``.

    Full resolution, all harmonics and no densification: the schedules stay where the finished run ended, and step
    sizes cool down over all of the iterations. Opacity weighs at least :data:`REFINE_OPACITY_WEIGHT`.
    """
    return replace(
        settings,
        iterations=from_iteration + iterations,
        schedule_iterations=min(from_iteration, settings.schedule_iterations or settings.iterations),
        rate_scale=rate_scale,
        cooldown_iterations=iterations,
        opacity_weight=max(settings.opacity_weight, REFINE_OPACITY_WEIGHT),
    )
