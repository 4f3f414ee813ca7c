"""All that a training run needs to go on exactly where it stopped, as one .npz file without pickled objects."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.arrays import Arrays, DamagedArraysError, open_arrays
from maquette.recon.density import Statistics
from maquette.recon.exposure import Exposures, no_exposures
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments, moments_from_arrays

FORMAT = 2
READABLE = (1, 2)
"""Format 1 knew no exposures: it is read as having none."""

_EXPOSURE_ARRAYS = ("gains", "first", "second", "steps")


class CorruptCheckpointError(BadInputError):
    """The file is no checkpoint, is cut off, or its arrays do not fit each other."""

    code = "corrupt_checkpoint"


@dataclass(eq=False)
class Checkpoint:
    """Model, optimiser state and everything random, after ``iteration`` steps.

    ``waiting`` are the views still to come in this round through the photos, ``rng_state`` that of numpy's PCG64.
    ``exposures`` are those of all photos that any run so far trained with one.
    """

    gaussians: Gaussians
    moments: Moments
    statistics: Statistics
    iteration: int
    waiting: Int64[ndarray, " w"]
    rng_state: dict[str, Any]
    exposures: Exposures = field(default_factory=no_exposures)

    def copy(self) -> Checkpoint:
        """A deep copy: the trainer changes its own arrays in place."""
        return copy.deepcopy(self)

    def save(self, path: Path, *, about: Mapping[str, Any] | None = None) -> None:
        """Write to ``path`` whole or not at all. ``about``, for JSON: whatever :func:`read_about` is to give back."""
        arrays: dict[str, ndarray] = {
            "format": np.array(FORMAT),
            "about": np.array(json.dumps(about or {})),
            "iteration": np.array(self.iteration),
            "waiting": self.waiting,
            "rng_state": np.array(json.dumps(self.rng_state)),
            "gradient_sum": self.statistics.gradient_sum,
            "views": self.statistics.views,
            **{f"model_{part.name}": getattr(self.gaussians, part.name) for part in fields(Gaussians)},
            **self.moments.as_arrays(),
            "exposure_names": np.array(json.dumps(self.exposures.names)),
            **{f"exposure_{name}": getattr(self.exposures, name) for name in _EXPOSURE_ARRAYS},
        }
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what :meth:`Checkpoint.save` wrote. Raises :class:`CorruptCheckpointError`."""
    with _opened(path) as file:
        arrays = {name: file[name] for name in file.names}
        if int(arrays["format"]) not in READABLE:
            raise _corrupt(path, f"it has format {int(arrays['format'])}, this version reads {FORMAT}")
        checkpoint = Checkpoint(
            gaussians=Gaussians(**{part.name: arrays[f"model_{part.name}"] for part in fields(Gaussians)}),
            moments=moments_from_arrays(arrays),
            statistics=Statistics(arrays["gradient_sum"], arrays["views"]),
            iteration=int(arrays["iteration"]),
            waiting=arrays["waiting"],
            rng_state=json.loads(str(arrays["rng_state"])),
            exposures=_exposures(arrays),
        )
        np.random.default_rng().bit_generator.state = checkpoint.rng_state  # raises where it is none
    _check_shapes(path, checkpoint)
    return checkpoint


def _exposures(arrays: Mapping[str, ndarray]) -> Exposures:
    if int(arrays["format"]) == 1:
        return no_exposures()
    names = tuple(json.loads(str(arrays["exposure_names"])))
    return Exposures(names, **{name: arrays[f"exposure_{name}"] for name in _EXPOSURE_ARRAYS})


def read_about(path: Path) -> dict[str, Any]:
    """What the caller of :meth:`Checkpoint.save` noted, without reading the model. Raises as ``load_checkpoint``."""
    with _opened(path) as file:
        about = json.loads(str(file["about"]))
        if not isinstance(about, dict):
            raise TypeError("its note is no object")
    return about


@contextmanager
def _opened(path: Path) -> Iterator[Arrays]:
    """The file's arrays by name. Whatever reading a damaged file can raise becomes ``corrupt_checkpoint``."""
    try:
        with open_arrays(path) as file:
            yield file
    except DamagedArraysError as error:
        raise _corrupt(path, str(error)) from error


def _check_shapes(path: Path, checkpoint: Checkpoint) -> None:
    n = len(checkpoint.gaussians)
    terms = checkpoint.gaussians.sh.shape[1] if checkpoint.gaussians.sh.ndim == 3 else -1
    shapes = {
        "means": (n, 3),
        "log_scales": (n, 3),
        "quaternions": (n, 4),
        "opacity_logits": (n,),
        "sh": (n, terms, 3),
    }
    for part in (checkpoint.gaussians, checkpoint.moments.first, checkpoint.moments.second):
        for name, shape in shapes.items():
            array = getattr(part, name)
            if array.shape != shape or array.dtype != np.float32:
                raise _corrupt(path, f"{name} is {array.dtype}{array.shape}, expected float32{shape}")
            if not np.isfinite(array).all():
                raise _corrupt(path, f"{name} holds numbers that are not finite")
    if checkpoint.statistics.gradient_sum.shape != (n,) or checkpoint.statistics.views.shape != (n,):
        raise _corrupt(path, "the densification statistics do not fit the model")
    if checkpoint.waiting.ndim != 1 or checkpoint.waiting.dtype != np.int64 or checkpoint.iteration < 0:
        raise _corrupt(path, "its place in the order of photos makes no sense")
    exposures = checkpoint.exposures
    shapes = {name: (len(exposures.names), 3) for name in _EXPOSURE_ARRAYS} | {"steps": (len(exposures.names),)}
    if any(getattr(exposures, name).shape != shape for name, shape in shapes.items()):
        raise _corrupt(path, "its exposures do not fit each other")
    if not np.isfinite(exposures.gains).all():
        raise _corrupt(path, "its exposures hold numbers that are not finite")


def _corrupt(path: Path, reason: str) -> CorruptCheckpointError:
    return CorruptCheckpointError(
        f"The checkpoint {path.name} cannot be used: {reason}.",
        suggestion="Use another checkpoint, or train from the start.",
    )
