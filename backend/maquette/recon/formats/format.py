"""What a file format has to offer, and what all of them refuse."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np

from maquette.recon.formats.errors import BadModelFileError, DivergedModelError, EmptyModelError
from maquette.recon.gaussians import Gaussians

CHUNK_ROWS = 65_536
"""Rows converted at a time, so that writing and reading need little more memory than the model itself."""


Kind = Literal["gaussians", "mesh", "points", "cameras"]
"""What a file holds: :class:`Gaussians`, a :class:`~maquette.recon.mesh.Mesh`,
:class:`~maquette.recon.formats.points.Points`, or a :class:`~maquette.recon.scene.Scene`."""

UpAxis = Literal["y", "-y", "z"]
"""The axis of a file's frame that points up. Frames are right-handed."""

Optimization = Literal["prune", "lower_sh", "quantize", "decimate", "compress_texture"]
"""What ``optimize`` may do to make a file smaller."""

Content = TypeVar("Content")
Taken = TypeVar("Taken", contravariant=True)


@runtime_checkable
class Write(Protocol[Taken]):
    """Writes a model to a path, whole or not at all; ``provenance`` goes in where the format has room for words.

    Raises :class:`EmptyModelError` or :class:`DivergedModelError`.
    """

    def __call__(self, content: Taken, path: Path, /, *, provenance: Mapping[str, str]) -> None:
        """See the class."""


@dataclass(frozen=True)
class Format(Generic[Content]):
    """A way to store models. ``read`` gives back what ``write`` stored, within the format's precision.

    What is given to ``write`` stands in the format's own frame already (``up_axis``). ``read`` takes files from
    anywhere and raises :class:`BadModelFileError`.
    """

    name: str
    extension: str
    mime: str
    description: str
    write: Write[Content]
    read: Callable[[Path], Content]
    kind: Kind = "gaussians"
    up_axis: UpAxis = "-y"
    """What programs that open such files take for up. Splat viewers expect what 3DGS left: the y axis down."""
    opens_in: tuple[str, ...] = ()
    """Programs that people open such files with, best known first."""
    optimizations: frozenset[Optimization] = frozenset()
    """What of ``optimize`` makes a difference here; empty: the option is refused."""
    lossless: bool = False
    """Whether what is read back is what was written, to the last bit of a float32."""
    holds_photos: bool = False
    """Whether the undistorted photos go into the file: of cameras that are useless without them."""
    keeps_provenance: bool = True
    """Whether the format has room for words."""
    extra: str | None = None
    """Extra that writing needs, as ``usd``, with the ``module`` it brings."""
    module: str | None = None
    compressed: Mapping[str, Write[Content]] = field(default_factory=dict)
    """What ``compress_texture`` writes by instead of ``write``: by the encoding of the texture, best kept first."""

    def missing_extra(self) -> str | None:
        """The extra that is needed and not installed."""
        missing = self.module is not None and importlib.util.find_spec(self.module) is None
        return self.extra if missing else None


def check_writable(gaussians: Gaussians) -> None:
    """Raise :class:`EmptyModelError` or :class:`DivergedModelError` for what must never be stored."""
    if len(gaussians) == 0:
        raise EmptyModelError
    if not _all_finite(gaussians):
        raise DivergedModelError


def check_read(gaussians: Gaussians, name: str) -> Gaussians:
    """Raise :class:`BadModelFileError` for numbers that cannot be rendered."""
    if not _all_finite(gaussians):
        raise BadModelFileError(name, "it holds numbers that are not finite")
    turned = np.abs(gaussians.quaternions).max(axis=1) > 0
    if not turned.all():
        raise BadModelFileError(name, f"the rotation of Gaussian {int(np.argmin(turned))} is all zeros")
    return gaussians


def _all_finite(gaussians: Gaussians) -> bool:
    # The sum of an array is finite where all its numbers are, save for overflow, which the second look tells apart.
    arrays = (gaussians.means, gaussians.log_scales, gaussians.quaternions, gaussians.opacity_logits, gaussians.sh)
    with np.errstate(invalid="ignore", over="ignore"):
        return all(bool(np.isfinite(a.sum(dtype=np.float64))) or bool(np.isfinite(a).all()) for a in arrays)
