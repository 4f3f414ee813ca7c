"""All that a training run needs to go on exactly where it stopped, as one .npz file without pickled objects."""

from __future__ import annotations

import copy
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.density import Statistics
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments, moments_from_arrays

FORMAT = 1


class CorruptCheckpointError(BadInputError):
    """The file is no checkpoint, is cut off, or its arrays do not fit each other."""

    code = "corrupt_checkpoint"


@dataclass(eq=False)
class Checkpoint:
    """Model, optimiser state and everything random, after ``iteration`` steps.

    ``waiting`` are the views still to come in this round through the photos, ``rng_state`` that of numpy's PCG64.
    """

    gaussians: Gaussians
    moments: Moments
    statistics: Statistics
    iteration: int
    waiting: Int64[ndarray, " w"]
    rng_state: dict[str, Any]

    def copy(self) -> Checkpoint:
        """A deep copy: the trainer changes its own arrays in place."""
        return copy.deepcopy(self)

    def save(self, path: Path) -> None:
        """Write to ``path`` whole or not at all."""
        arrays: dict[str, ndarray] = {
            "format": np.array(FORMAT),
            "iteration": np.array(self.iteration),
            "waiting": self.waiting,
            "rng_state": np.array(json.dumps(self.rng_state)),
            "gradient_sum": self.statistics.gradient_sum,
            "views": self.statistics.views,
            **{f"model_{field.name}": getattr(self.gaussians, field.name) for field in fields(Gaussians)},
            **self.moments.as_arrays(),
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
    try:
        # numpy leaves the file open where it is no archive, so it is opened here.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if int(arrays["format"]) != FORMAT:
            raise _corrupt(path, f"it has format {int(arrays['format'])}, this version reads {FORMAT}")
        checkpoint = Checkpoint(
            gaussians=Gaussians(**{field.name: arrays[f"model_{field.name}"] for field in fields(Gaussians)}),
            moments=moments_from_arrays(arrays),
            statistics=Statistics(arrays["gradient_sum"], arrays["views"]),
            iteration=int(arrays["iteration"]),
            waiting=arrays["waiting"],
            rng_state=json.loads(str(arrays["rng_state"])),
        )
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise _corrupt(path, f"{error} is missing") from error
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise _corrupt(path, str(error)) from error
    _check_shapes(path, checkpoint)
    return checkpoint


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


def _corrupt(path: Path, reason: str) -> CorruptCheckpointError:
    return CorruptCheckpointError(
        f"The checkpoint {path.name} cannot be used: {reason}.",
        suggestion="Use another checkpoint, or train from the start.",
    )
