"""Models that an engine makes: read with limits, checked as ours are, and given the state that a refine begins with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import MaquetteError
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.density import empty_statistics
from maquette.recon.formats import format_named
from maquette.recon.formats.ply import read_gaussian_header
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.floaters import filter_floaters
from maquette.recon.optimizer import zero_moments
from maquette.recon.sanity import UnsoundModelError, check_gaussians, refuse_hard
from maquette.recon.scene import Scene
from maquette.steps.engines.calling import Called, call
from maquette.steps.engines.engine import Arguments, Engine
from maquette.steps.engines.errors import EngineOutputRefusedError
from maquette.steps.engines.inputs import scene_inputs
from maquette.steps.engines.taking import take
from maquette.steps.folder import Folder
from maquette.steps.sink import Sink
from maquette.steps.training import Trained

MOST_GAUSSIANS = 5_000_000
"""Where neither the server nor the call says less."""
MOST_BYTES_EACH, MOST_HEADER_BYTES = 8 * 80, 65536
"""Of a Gaussian: sixty-two numbers and what a trainer may add, as doubles."""


def model_by_engine(
    folder: Folder,
    engine: Engine,
    stage: str,
    scene: Scene,
    views: Sequence[int],
    asked: Arguments,
    sink: Sink,
    *,
    iterations: int,
    most: int | None = None,
    model: Path | None = None,
) -> tuple[Trained, dict[str, Any]]:
    """Its model, and what is recorded of the engine. ``iterations``: the number that the version is said to have.

    Raises :class:`~maquette.steps.engines.errors.EngineError` and its kinds.
    """
    began = time.monotonic()

    def tell(share: float, message: str) -> None:
        sink.progress("training", share, message)

    called = call(folder, engine, asked, scene_inputs(scene, views, stage, asked, model=model), tell)
    path = take(engine.name, called.program, called.home, "model.ply", most_bytes=_most_bytes(most))
    gaussians = read_model(called, path, scene, most=most)
    called.home.forget()
    trained = Trained(
        _state(gaussians, iterations, int(asked.get("seed") or 0)),
        gaussians,
        gaussians.subset(filter_floaters(gaussians).keep),
        {"accepted": False, "training_psnr_before": None, "training_psnr_after": None},
        round(time.monotonic() - began, 2),
        "engine",
    )
    return trained, called.told()


@contextmanager
def blamed_on(engine: Engine) -> Iterator[None]:
    """A model that does not pass the sanity gate is the engine's fault: ``engine_output_refused``."""
    try:
        yield
    except UnsoundModelError as error:
        raise EngineOutputRefusedError(engine.name, error.message.rstrip(".")) from error


def read_model(called: Called, path: Path, scene: Scene, *, most: int | None = None) -> Gaussians:
    """A 3DGS PLY from a stranger. Raises ``engine_output_refused``."""
    try:
        with path.open("rb") as file:
            count = read_gaussian_header(file, path.name).count
        if count > (most or MOST_GAUSSIANS):
            raise EngineOutputRefusedError(
                called.engine, f"its model has {count} Gaussians where at most {most or MOST_GAUSSIANS} are allowed"
            )
        gaussians: Gaussians = format_named("ply").read(path)
        refuse_hard(check_gaussians(gaussians, scene))
    except EngineOutputRefusedError:
        raise
    except MaquetteError as error:
        raise EngineOutputRefusedError(called.engine, error.message.rstrip(".")) from error
    return gaussians


def _most_bytes(most: int | None) -> int:
    return (most or MOST_GAUSSIANS) * MOST_BYTES_EACH + MOST_HEADER_BYTES


def _state(gaussians: Gaussians, iterations: int, seed: int) -> Checkpoint:
    """That of a training that ended so: without moments, which are made anew as it goes on."""
    return Checkpoint(
        gaussians=gaussians,
        moments=zero_moments(gaussians),
        statistics=empty_statistics(len(gaussians)),
        iteration=iterations,
        waiting=np.empty(0, np.int64),
        rng_state=dict(np.random.default_rng(seed).bit_generator.state),
    )
