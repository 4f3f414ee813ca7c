"""The smallest model whose loss on the evaluation views stays within a bound, found by measuring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.formats.errors import EmptyModelError
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimize.loss import Quality, Split, quality_of, some_of, views_to_measure
from maquette.recon.optimize.lowering import lower_harmonics
from maquette.recon.optimize.weighing import Contributions, weigh
from maquette.recon.scene import Scene

WEIGHT_LOST = (0.0, 1e-6, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.007, 0.012, 0.02, 0.03, 0.05)
"""Shares of all blending weight that pruning may take, the levels that are tried: first what is not seen at
all, and never more than the last."""


class BadOptimizationError(BadInputError):
    """The bounds given for optimising make no sense."""

    code = "bad_optimization"


@dataclass(frozen=True)
class OptimizeSettings:
    """``loss_db``: PSNR that may be lost on the evaluation views; ``training_loss_db``: on training views, beside that.
    ``prune``, ``lower_sh``: what may be done.

    A model of few photos shows its training views far better than any others, and people look at it from there too. By
    its 2 held-out views alone, kermit (10 photos) lost 0.29 dB of 21.0 while 6.4 of 34.2 went on its training views.

    ``max_side_px``: long side of the pictures measured; ``weighing_side_px``: of those that weights are summed over.
    """

    loss_db: float = 0.3
    training_loss_db: float = 1.0
    prune: bool = True
    lower_sh: bool = True
    max_side_px: int = 800
    weighing_side_px: int = 480

    def __post_init__(self) -> None:
        for field in ("loss_db", "training_loss_db"):
            if not 0 <= getattr(self, field) <= 10:
                raise BadOptimizationError(
                    f"A loss of {getattr(self, field):g} dB cannot be aimed at.",
                    suggestion="Give 0 to 10 dB; 0.3 on held-out and 1 on training views is hardly seen.",
                    field=field,
                )


@dataclass(frozen=True)
class Tried:
    """One thing that was measured; ``training_loss_db`` only where the evaluation views allowed it."""

    sh_degree: int
    weight_lost: float
    gaussians: int
    bytes: int
    loss_psnr_db: float
    training_loss_db: float | None


@dataclass(frozen=True)
class OptimizeDetails:
    """What was done, and what it cost on the ``views`` views of ``split``; ``bytes`` by the size function given.

    ``training_loss_db``: PSNR lost on a few training views.
    """

    gaussians_before: int
    gaussians: int
    sh_degree_before: int
    sh_degree: int
    weight_lost: float
    bytes_before: int
    bytes: int
    full: Quality
    optimized: Quality
    training_loss_db: float
    split: Split
    views: int
    max_side_px: int
    tried: tuple[Tried, ...]

    @property
    def loss_psnr_db(self) -> float:
        """PSNR lost, dB; below 0 where it was won."""
        return self.full.psnr - self.optimized.psnr

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "loss_psnr_db": self.loss_psnr_db}


@dataclass(frozen=True, eq=False)
class Optimized:
    """The smaller model, and how it was found."""

    gaussians: Gaussians
    details: OptimizeDetails


def ply_bytes(gaussians: int, sh_degree: int) -> int:
    """Size of a 3DGS PLY without its header: 17 numbers and the higher harmonics of three channels, float32."""
    return gaussians * 4 * (17 + 3 * ((sh_degree + 1) ** 2 - 1))


def optimize_gaussians(
    gaussians: Gaussians,
    scene: Scene,
    eval_views: Sequence[int],
    training_views: Sequence[int],
    settings: OptimizeSettings | None = None,
    progress: Progress = silent,
    *,
    size: Callable[[int, int], int] = ply_bytes,
) -> Optimized:
    """Prune what contributes least to the training views and lower the harmonics, as far as ``settings`` allow.

    For each degree the strongest pruning within the bound is searched by bisection; of all found the smallest by
    ``size(gaussians, sh_degree)`` in bytes is taken. Where nothing smaller stays within the bound the model comes back
    as it is. Without ``eval_views`` training views measure, and ``split`` says so. Stages ``weighing``, ``optimizing``.
    Raises ``empty_model``, ``nothing_to_measure_on`` or ``unreadable_photo``.
    """
    settings = settings or OptimizeSettings()
    if len(gaussians) == 0:
        raise EmptyModelError
    views, split = views_to_measure(eval_views, training_views)
    seen = weigh(gaussians, scene, training_views or views, max_side_px=settings.weighing_side_px, progress=progress)
    search = _Search(gaussians, scene, views, some_of(training_views), seen, settings, size, progress)
    search.run()
    chosen, quality, tried = search.best
    return Optimized(
        chosen,
        OptimizeDetails(
            gaussians_before=len(gaussians),
            gaussians=len(chosen),
            sh_degree_before=gaussians.sh_degree,
            sh_degree=chosen.sh_degree,
            weight_lost=tried.weight_lost,
            bytes_before=size(len(gaussians), gaussians.sh_degree),
            bytes=tried.bytes,
            full=search.full,
            optimized=quality,
            training_loss_db=tried.training_loss_db or 0.0,
            split=split,
            views=len(views),
            max_side_px=settings.max_side_px,
            tried=tuple(search.tried),
        ),
    )


class _Search:
    """Holds the best model found so far while degrees and levels are tried."""

    def __init__(
        self,
        gaussians: Gaussians,
        scene: Scene,
        views: Sequence[int],
        training_views: Sequence[int],
        seen: Contributions,
        settings: OptimizeSettings,
        size: Callable[[int, int], int],
        progress: Progress,
    ) -> None:
        self._gaussians, self._scene, self._seen, self._settings = gaussians, scene, seen, settings
        self._views, self._training_views = views, training_views
        self._size, self._progress = size, progress
        self.full = self._quality(gaussians, views)
        self._full_training = self._quality(gaussians, training_views) if training_views else None
        self.tried: list[Tried] = []
        degree, count = gaussians.sh_degree, len(gaussians)
        self.best = (gaussians, self.full, Tried(degree, 0.0, count, size(count, degree), 0.0, 0.0))

    def run(self) -> None:
        """Degrees from the model's own down, as long as one alone stays within the bound."""
        degrees = range(self._gaussians.sh_degree, -1, -1) if self._settings.lower_sh else [self._gaussians.sh_degree]
        strongest = len(WEIGHT_LOST) - 1 if self._settings.prune else 0
        for done, degree in enumerate(degrees):
            self._progress("optimizing", done / len(degrees), f"harmonics of degree {degree}")
            model = lower_harmonics(self._gaussians, degree, self._scene, self._seen)
            lowered = degree < self._gaussians.sh_degree
            if lowered and not self._fits(model, 0):
                break
            # What costs too much with more harmonics does with fewer.
            strongest = self._strongest(model, strongest)
        self._progress("optimizing", 1.0, f"{len(self.tried)} models measured")

    def _strongest(self, model: Gaussians, most: int) -> int:
        """The highest level up to ``most`` that stays within the bound, by bisection; level 0 does."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(model, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, model: Gaussians, level: int) -> bool:
        keep = self._seen.keep(WEIGHT_LOST[level])
        pruned = model.subset(keep)
        quality = self._quality(pruned, self._views)
        loss, training_loss = self.full.psnr - quality.psnr, None
        fits = loss <= self._settings.loss_db
        if fits and self._full_training is not None:
            training_loss = self._full_training.psnr - self._quality(pruned, self._training_views).psnr
            fits = training_loss <= self._settings.training_loss_db
        size = self._size(len(pruned), pruned.sh_degree)
        tried = Tried(pruned.sh_degree, self._seen.lost(keep), len(pruned), size, loss, training_loss)
        self.tried.append(tried)
        if fits and size < self.best[2].bytes:
            self.best = (pruned, quality, tried)
        return fits

    def _quality(self, gaussians: Gaussians, views: Sequence[int]) -> Quality:
        return quality_of(gaussians, self._scene, views, self._settings.max_side_px)
