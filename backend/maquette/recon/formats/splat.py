"""`.splat`, the small format of the first web viewer: 32 bytes a Gaussian, no harmonics, no header.

Position and linear scale as six float32, colour and opacity as four bytes, rotation wxyz as four bytes of
``128 + 128 * component``. The most important come first (volume times opacity), so a viewer that loads bit by bit
shows the shape early. Lossy: view-dependent colour is dropped, colour, opacity and rotation keep 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.activations import logits_of, opacity_bytes, to_byte
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.gaussians import SH_C0, Gaussians

_ROW = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model; the format has no room for words, so ``provenance`` is not in the file."""
    check_writable(gaussians)
    order = by_importance(gaussians)
    with replacing(path) as file:
        for start in range(0, len(order), CHUNK_ROWS):
            part = gaussians.subset(order[start : start + CHUNK_ROWS])
            rows = np.empty(len(part), _ROW)
            rows["position"] = part.means
            rows["scale"] = np.exp(np.clip(part.log_scales, -80, 80))  # stays a normal float32
            rows["rgba"][:, :3] = to_byte((SH_C0 * part.sh[:, 0] + 0.5) * 255)
            rows["rgba"][:, 3] = opacity_bytes(part.opacity_logits)
            length = np.linalg.norm(part.quaternions, axis=1, keepdims=True)
            rows["rotation"] = to_byte(part.quaternions / np.maximum(length, 1e-30) * 128 + 128)
            file.write(rows.tobytes())


def read(path: Path) -> Gaussians:
    """Read a .splat from anywhere, as harmonics of degree 0. Raises :class:`BadModelFileError`.

    An opacity of 0 or 255 is read as a half step inside, where its logit is finite.
    """
    try:
        size = path.stat().st_size
        if size == 0 or size % _ROW.itemsize:
            raise BadModelFileError(path.name, f"{size} bytes are no whole number of {_ROW.itemsize}-byte Gaussians")
        rows = np.fromfile(path, _ROW)
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error
    if not (rows["scale"] > 0).all():
        raise BadModelFileError(path.name, "a Gaussian has no size")
    gaussians = Gaussians(
        means=rows["position"].astype(np.float32),
        log_scales=np.log(rows["scale"]).astype(np.float32),
        quaternions=(rows["rotation"].astype(np.float32) - 128) / np.float32(128),
        opacity_logits=logits_of(rows["rgba"][:, 3]),
        sh=((rows["rgba"][:, None, :3] / np.float32(255) - np.float32(0.5)) / np.float32(SH_C0)).astype(np.float32),
    )
    return check_read(gaussians, path.name)


def by_importance(gaussians: Gaussians) -> Int[ndarray, " n"]:
    """Indices by volume times opacity, largest first; ties keep their order."""
    log_volume = gaussians.log_scales.sum(axis=1, dtype=np.float64)
    log_opacity = -np.logaddexp(0, -gaussians.opacity_logits.astype(np.float64))
    order: Int[ndarray, " n"] = np.argsort(-(log_volume + log_opacity), kind="stable")
    return order


FORMAT = Format(
    name="splat",
    extension=".splat",
    mime="application/octet-stream",
    description="32 bytes a Gaussian for web viewers; drops view-dependent colour.",
    write=write,
    read=read,
    opens_in=("antimatter15's splat viewer", "SuperSplat"),
    optimizations=frozenset({"prune"}),
    keeps_provenance=False,
)
