"""Training as a generator: one photo an iteration, and whoever calls decides what to do between two.

The recipe is that of 3D Gaussian Splatting (Kerbl et al. 2023, sections 5 and 7.1) with DashGaussian's coarse-to-fine
photos (Chen et al. 2025) and sparse Adam.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.clearance import ClearSpace, clear_space
from maquette.recon.density import empty_statistics
from maquette.recon.descent import descend
from maquette.recon.exposure import exposure_step, rows_of
from maquette.recon.gaussians import Gaussians
from maquette.recon.growth import grow
from maquette.recon.initialize import gaussians_from_points
from maquette.recon.memory import refuse_without_memory
from maquette.recon.optimizer import zero_moments
from maquette.recon.photos import Photo, halved, load_photo
from maquette.recon.rasterize import forward
from maquette.recon.rasterize.scratch import Scratch
from maquette.recon.scene import Scene
from maquette.recon.schedule import level_at, progress_at, rates_at, sh_degree_at
from maquette.recon.seeding import most_seeds, seed_uncovered
from maquette.recon.supervision import exposure_rate_at, supervise
from maquette.recon.train_settings import TrainSettings

MIN_VIEWS = 2

Backend = Literal["cpu", "cuda"]


class UntrainableSceneError(BadInputError):
    """The scene has too few views, no usable points or broken poses."""

    code = "untrainable_scene"


class TrainStep(Protocol):
    """What one iteration did. On a GPU ``loss``, ``gaussians`` and ``checkpoint`` wait for it: not in every step."""

    @property
    def iteration(self) -> int:
        """Counted from the very first one, from 1."""

    @property
    def loss(self) -> float:
        """The loss of this iteration's photo."""

    @property
    def gaussian_count(self) -> int:
        """Gaussians after this iteration."""

    @property
    def seconds(self) -> float:
        """Since the start of this call of :func:`train`."""

    @property
    def gaussians(self) -> Gaussians:
        """The model as it is now; the next iteration may change it in place."""

    def checkpoint(self) -> Checkpoint:
        """Copies the whole state, for keeping; call it before the next step."""


@dataclass(frozen=True, eq=False)
class _CpuStep:
    """A :class:`TrainStep` on the CPU."""

    iteration: int
    loss: float
    gaussian_count: int
    seconds: float
    gaussians: Gaussians
    checkpoint: Callable[[], Checkpoint]


def train(
    scene: Scene,
    settings: TrainSettings,
    *,
    start: Checkpoint | None = None,
    views: Sequence[int] | None = None,
    backend: Backend = "cpu",
) -> Iterator[TrainStep]:
    """Train on ``views`` (none: ``scene.training``) up to ``settings.iterations``; go on from ``start`` if given.

    On the CPU the same scene, settings and start give the same bits on any number of threads, and a run that was
    stopped and resumed gives the same as one that was not; a GPU adds up in any order. A checkpoint of one goes on on
    the other. Raises :class:`UntrainableSceneError`, ``bad_train_settings``, ``unreadable_photo``, ``bad_mask``,
    ``bad_depth_prior``, ``training_size_too_small``, ``not_enough_memory`` or, with the backend ``cuda``, the errors
    of :func:`maquette.recon.cuda.gpu.open_gpu` and ``not_enough_gpu_memory``, before the first iteration.
    """
    settings.checked()
    chosen = tuple(scene.training if views is None else views)
    check_scene(scene, chosen)
    if backend == "cuda":
        return _train_on_gpu(scene, settings, chosen, start)
    refuse_without_memory(scene, settings, len(chosen))
    levels = load_levels(scene, settings, chosen, sowing=start is None)
    return _run(scene, settings, levels, start.copy() if start else first_state(scene, settings, levels[0]))


def _train_on_gpu(
    scene: Scene, settings: TrainSettings, views: Sequence[int], start: Checkpoint | None
) -> Iterator[TrainStep]:
    # Imported here: nothing of torch is needed, or there, without a GPU.
    from maquette.recon.cuda.engine import train_on_device
    from maquette.recon.cuda.gpu import free_gpu_bytes, open_gpu, refuse_without_gpu_memory, training_gpu_bytes

    device = open_gpu()
    refuse_without_gpu_memory(training_gpu_bytes(scene, settings, len(views)), free_gpu_bytes())
    levels = load_levels(scene, settings, views, sowing=start is None)
    start = start or first_state(scene, settings, levels[0])
    clear = space_to_clear(scene, settings, levels[0])
    return train_on_device(settings, levels, start, scene_scale(scene), clear, device=device)


def _run(scene: Scene, settings: TrainSettings, levels: list[list[Photo]], state: Checkpoint) -> Iterator[TrainStep]:
    radius = scene_scale(scene)
    clear = space_to_clear(scene, settings, levels[0])
    rng = np.random.default_rng()
    rng.bit_generator.state = state.rng_state
    scratch = Scratch()
    rows = None
    if settings.exposure:
        names = [photo.name for photo in levels[0]]
        state.exposures = state.exposures.covering(names)
        rows = rows_of(state.exposures.names, names)
    began = time.perf_counter()
    while state.iteration < settings.iterations:
        state.iteration += 1
        done = progress_at(settings, state.iteration)
        if len(state.waiting) == 0:
            state.waiting = rng.permutation(len(levels[0]))
        chosen = state.waiting[0]
        photo = levels[level_at(settings, done)][chosen]
        state.waiting = state.waiting[1:]

        frame = forward(
            state.gaussians,
            photo.camera,
            background=settings.background,
            sh_degree=sh_degree_at(settings, done),
            scratch=scratch,
        )
        gains = None if rows is None else state.exposures.gains[rows[chosen]]
        said = supervise(frame, photo, settings, state.iteration, radius, gains=gains, scratch=scratch)
        gradients = descend(
            frame,
            state.gaussians,
            state.moments,
            rates_at(settings, state.iteration, radius),
            said.image_gradient,
            opacity_weight=settings.opacity_weight,
            depth=said.depth,
            depth_gradient=said.depth_gradient,
            scratch=scratch,
        )
        rate = exposure_rate_at(settings, state.iteration)
        if rows is not None and said.gains_gradient is not None and rate > 0:
            exposure_step(state.exposures, int(rows[chosen]), said.gains_gradient, rate, rows)
        grow(state, gradients, settings, radius, clear, rng)
        state.rng_state = dict(rng.bit_generator.state)
        yield _CpuStep(
            iteration=state.iteration,
            loss=said.value,
            gaussian_count=len(state.gaussians),
            seconds=time.perf_counter() - began,
            gaussians=state.gaussians,
            checkpoint=state.copy,
        )


def scene_scale(scene: Scene) -> float:
    """The scene radius that step sizes and split sizes refer to, world units; 1 where all cameras coincide."""
    return scene.radius or 1.0


def space_to_clear(scene: Scene, settings: TrainSettings, photos: Sequence[Photo]) -> ClearSpace:
    """Where no Gaussian may stand: right before the cameras of the training ``photos``."""
    return clear_space([photo.camera for photo in photos], scene.points, settings.clear_share)


def first_state(scene: Scene, settings: TrainSettings, photos: Sequence[Photo] = ()) -> Checkpoint:
    """Gaussians at the sparse points (a random part of them beyond the cap), nothing learned yet.

    Seeds where the ``photos`` show what no point covers take at most half of the room that is left.
    """
    rng = np.random.default_rng(settings.seed)
    points, colors = scene.points, scene.colors
    if len(points) > settings.max_gaussians:
        kept = np.sort(rng.choice(len(points), settings.max_gaussians, replace=False))
        points, colors = points[kept], colors[kept]
    if settings.seed_uncovered:
        most = min(most_seeds(photos), (settings.max_gaussians - len(points)) // 2)
        places, shades = seed_uncovered(photos, points, rng, background=settings.background, most=most)
        points, colors = np.concatenate([points, places]), np.concatenate([colors, shades])
    gaussians = gaussians_from_points(points, colors, sh_degree=settings.sh_degree)
    return Checkpoint(
        gaussians=gaussians,
        moments=zero_moments(gaussians),
        statistics=empty_statistics(len(gaussians)),
        iteration=0,
        waiting=np.empty(0, np.int64),
        rng_state=dict(rng.bit_generator.state),
    )


def load_levels(
    scene: Scene, settings: TrainSettings, views: Sequence[int], *, sowing: bool = False
) -> list[list[Photo]]:
    """The photos of ``views`` at the training resolution and, after it, at each coarser level.

    Their depths come with them where they weigh in the loss, or where first Gaussians are sown from them (``sowing``).
    """
    with_depth = settings.depth_weight > 0 or (sowing and settings.depth_seeds)
    levels = [
        [load_photo(scene.views[i], settings.downscale, settings.max_side_px, with_depth=with_depth) for i in views]
    ]
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
    if not any(_shows_a_point(scene.views[i].camera, scene.points) for i in views):
        raise UntrainableSceneError(
            "No camera shows a single sparse point: all lie behind it or beside its picture.",
            suggestion="Check the camera axes: x right, y down, z forward, camera_from_world.",
        )


def _shows_a_point(camera: Camera, points: Float[ndarray, "n 3"]) -> bool:
    x, y, z = camera.camera_from_world[:3, :3] @ points.T + camera.camera_from_world[:3, 3:]
    ahead = z > 0
    with np.errstate(over="ignore"):  # what lies that far beside the picture is beside it
        u, v = camera.fx * x[ahead] / z[ahead] + camera.cx, camera.fy * y[ahead] / z[ahead] + camera.cy
    return bool(((u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)).any())
