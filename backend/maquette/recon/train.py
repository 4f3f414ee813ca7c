"""Training as a generator: one photo an iteration, and whoever calls decides what to do between two.

The recipe is that of 3D Gaussian Splatting (Kerbl et al. 2023, sections 5 and 7.1) with DashGaussian's coarse-to-fine
photos (Chen et al. 2025) and sparse Adam.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from maquette.errors import BadInputError
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.density import accumulate, densify, empty_statistics, prune, reset_opacity
from maquette.recon.gaussians import Gaussians
from maquette.recon.initialize import gaussians_from_points
from maquette.recon.losses import photometric_loss
from maquette.recon.memory import refuse_without_memory
from maquette.recon.optimizer import LearningRates, adam_step, zero_moments
from maquette.recon.photos import Photo, halved, load_photo
from maquette.recon.rasterize import backward, forward
from maquette.recon.rasterize.scratch import Scratch
from maquette.recon.scene import Scene
from maquette.recon.train_settings import TrainSettings

MIN_VIEWS = 2
COOLED = 0.1


class UntrainableSceneError(BadInputError):
    """The scene has too few views, no usable points or broken poses."""

    code = "untrainable_scene"


@dataclass(frozen=True, eq=False)
class TrainStep:
    """What one iteration did. ``seconds`` count from the start of this call of :func:`train`."""

    iteration: int
    loss: float
    gaussian_count: int
    seconds: float
    gaussians: Gaussians
    """The model as it is now; the next iteration changes it in place."""
    checkpoint: Callable[[], Checkpoint]
    """Copies the whole state, for keeping; call it before the next step."""


def train(
    scene: Scene,
    settings: TrainSettings,
    *,
    start: Checkpoint | None = None,
    views: Sequence[int] | None = None,
) -> Iterator[TrainStep]:
    """Train on ``views`` (none: ``scene.training``) up to ``settings.iterations``; go on from ``start`` if given.

    The same scene, settings and start give the same bits on any number of threads, and a run that was stopped and
    resumed gives the same as one that was not. Raises :class:`UntrainableSceneError`, ``bad_train_settings``,
    ``unreadable_photo``, ``training_size_too_small`` or ``not_enough_memory`` before the first iteration.
    """
    settings.checked()
    chosen = tuple(scene.training if views is None else views)
    check_scene(scene, chosen)
    refuse_without_memory(scene, settings, len(chosen))
    levels = load_levels(scene, settings, chosen)
    return _run(scene, settings, levels, start.copy() if start else first_state(scene, settings))


def _run(scene: Scene, settings: TrainSettings, levels: list[list[Photo]], state: Checkpoint) -> Iterator[TrainStep]:
    radius = scene_scale(scene)
    rng = np.random.default_rng()
    rng.bit_generator.state = state.rng_state
    scratch = Scratch()
    began = time.perf_counter()
    while state.iteration < settings.iterations:
        state.iteration += 1
        done = progress_at(settings, state.iteration)
        if len(state.waiting) == 0:
            state.waiting = rng.permutation(len(levels[0]))
        photo = levels[level_at(settings, done)][state.waiting[0]]
        state.waiting = state.waiting[1:]

        frame = forward(
            state.gaussians,
            photo.camera,
            background=settings.background,
            sh_degree=sh_degree_at(settings, done),
            scratch=scratch,
        )
        loss = photometric_loss(frame.image, photo.pixels, settings.ssim_weight, scratch=scratch)
        gradients = backward(frame, state.gaussians, loss.gradient, scratch=scratch)
        adam_step(
            state.gaussians,
            state.moments,
            gradients,
            rates_at(settings, state.iteration, radius),
            opacity_weight=settings.opacity_weight,
        )
        if done <= settings.densify_until:
            accumulate(state.statistics, gradients)
            control_density(state, settings, done, radius, rng)
        state.rng_state = dict(rng.bit_generator.state)
        yield TrainStep(
            iteration=state.iteration,
            loss=loss.value,
            gaussian_count=len(state.gaussians),
            seconds=time.perf_counter() - began,
            gaussians=state.gaussians,
            checkpoint=state.copy,
        )


def control_density(
    state: Checkpoint, settings: TrainSettings, done: float, radius: float, rng: np.random.Generator
) -> None:
    """Densify, prune and reset opacities where the schedule has it, in place."""
    if state.iteration % settings.densify_every == 0 and done >= settings.densify_from:
        grown, moments = densify(
            state.gaussians,
            state.moments,
            state.statistics,
            threshold=settings.densify_threshold,
            split_above=settings.split_above * radius,
            max_gaussians=settings.max_gaussians,
            rng=rng,
        )
        state.gaussians, state.moments = prune(
            grown, moments, min_opacity=settings.min_opacity, max_scale=settings.max_scale * radius
        )
        state.statistics = empty_statistics(len(state.gaussians))
    if state.iteration % settings.opacity_reset_every == 0:
        reset_opacity(state.gaussians, state.moments, ceiling=2 * settings.min_opacity)


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


def scene_scale(scene: Scene) -> float:
    """The scene radius that step sizes and split sizes refer to, world units; 1 where all cameras coincide."""
    return scene.radius or 1.0


def first_state(scene: Scene, settings: TrainSettings) -> Checkpoint:
    """Gaussians at the sparse points (a random part of them beyond the cap), nothing learned yet."""
    rng = np.random.default_rng(settings.seed)
    points, colors = scene.points, scene.colors
    if len(points) > settings.max_gaussians:
        kept = np.sort(rng.choice(len(points), settings.max_gaussians, replace=False))
        points, colors = points[kept], colors[kept]
    gaussians = gaussians_from_points(points, colors, sh_degree=settings.sh_degree)
    return Checkpoint(
        gaussians=gaussians,
        moments=zero_moments(gaussians),
        statistics=empty_statistics(len(gaussians)),
        iteration=0,
        waiting=np.empty(0, np.int64),
        rng_state=dict(rng.bit_generator.state),
    )


def load_levels(scene: Scene, settings: TrainSettings, views: Sequence[int]) -> list[list[Photo]]:
    """The photos of ``views`` at the training resolution and, after it, at each coarser level."""
    levels = [[load_photo(scene.views[i], settings.downscale, settings.max_side_px) for i in views]]
    for _ in range(settings.coarse_levels):
        levels.append([halved(photo) for photo in levels[-1]])
    return levels


def check_scene(scene: Scene, views: Sequence[int]) -> None:
    """Raise :class:`UntrainableSceneError` where training could only fail or learn nothing."""
    if len(views) < MIN_VIEWS:
        raise UntrainableSceneError(
            f"The scene has {len(views)} photos to train on; at least {MIN_VIEWS} are needed.",
            suggestion="Take more photos from different places.",
            found=len(views),
        )
    for view in scene.views:
        if not np.isfinite(view.camera.camera_from_world).all():
            raise UntrainableSceneError(
                f"The pose of view {view.name} holds numbers that are not finite.",
                suggestion="Remove this view or place the cameras again.",
                view=view.name,
            )
    if len(scene.points) == 0:
        raise UntrainableSceneError(
            "The scene has no sparse points to start from.",
            suggestion="Use a scene whose cameras were placed by structure from motion.",
        )
    if not np.isfinite(scene.points).all():
        raise UntrainableSceneError(
            "Some sparse points hold numbers that are not finite.", suggestion="Place the cameras again."
        )
    for i in views:
        pose = scene.views[i].camera.camera_from_world
        if (scene.points @ pose[2, :3] + pose[2, 3] > 0).any():
            return
    raise UntrainableSceneError(
        "Every sparse point lies behind every camera.",
        suggestion="Check the camera axes: x right, y down, z forward, camera_from_world.",
    )
