"""One background network on this machine: loaded, checked for being one, and run on a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.background.edges import sharpened
from maquette.recon.background.errors import BrokenBackgroundModelError
from maquette.recon.background.networks import KINDS
from maquette.recon.background.removed import Removed
from maquette.recon.onnx import OnnxError, first_output, open_session
from maquette.recon.weights import LocalModel


class BackgroundNetwork:
    """One loaded model; call it for any number of photos."""

    def __init__(self, model: LocalModel, *, threads: int | None = None) -> None:
        """Load the model; ``threads`` on the CPU (None: one a core).

        Raises :class:`maquette.recon.onnx.OnnxRuntimeMissingError` or :class:`BrokenBackgroundModelError`.
        """
        self.kind = KINDS[model.name]
        self.name = model.name
        self.method = f"{model.name}@{model.revision}"
        try:
            self._session = open_session(_only_file(model), threads)
        except OnnxError as error:
            raise BrokenBackgroundModelError(model.name, "its file is damaged or no ONNX model") from error
        self._input, self._side = _checked_input(self._session, model.name, self.kind.side_px)

    def __call__(self, pixels: UInt8[ndarray, "h w 3"]) -> Removed:
        """Raises ``MemoryError``, or :class:`BrokenBackgroundModelError` where the answer is no mask."""
        said = self._run(self._prepared(pixels))
        if self.kind.logits:
            said = 1 / (1 + np.exp(-np.clip(said, -60, 60)))
        low, high = float(said.min()), float(said.max())
        # An even answer means that nothing, or everything, stands out: which of them its level says.
        stretched = (said - low) / (high - low) if high - low > 1e-6 else np.full_like(said, float(high > 0.5))
        decided = float(np.abs(2 * stretched - 1).mean())
        coarse = np.rint(255 * stretched).astype(np.uint8)
        return Removed(sharpened(coarse, pixels), self.method, degraded=False, confidence=decided)

    def _prepared(self, pixels: UInt8[ndarray, "h w 3"]) -> Float32[ndarray, "1 3 s s"]:
        side = self._side
        shrinks = max(pixels.shape[:2]) > side
        square = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        values = square.astype(np.float32) / max(float(square.max()), 1e-6)
        normal = (values - np.asarray(self.kind.mean, np.float32)) / np.asarray(self.kind.std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)

    def _run(self, given: Float32[ndarray, "1 3 s s"]) -> Float32[ndarray, "a b"]:
        try:
            # U²-Net and IS-Net answer seven masks, the fused one first; BiRefNet's export has one.
            said = first_output(self._session, {self._input: given})
        except OnnxError as error:
            raise BrokenBackgroundModelError(self.name, f"it does not run ({error})") from error
        if said.ndim != 4 or said.shape[:2] != (1, 1) or min(said.shape[2:]) < 2 or said.dtype.kind != "f":
            raise BrokenBackgroundModelError(self.name, f"its answer is {said.dtype}{list(said.shape)}, not one mask")
        if not np.isfinite(said).all():
            raise BrokenBackgroundModelError(self.name, "its answer holds numbers that are not finite")
        mask: Float32[ndarray, "a b"] = said[0, 0].astype(np.float32)
        return mask


def _only_file(model: LocalModel) -> Path:
    own = model.folder / f"{model.name}.onnx"
    if own.is_file():
        return own
    others = sorted(model.folder.glob("*.onnx"))
    if len(others) != 1:
        raise BrokenBackgroundModelError(model.name, f"its folder holds no {own.name}")
    return others[0]


def _checked_input(session: Any, name: str, side_px: int) -> tuple[str, int]:
    """Name of the one input, and the side of the square it takes."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise BrokenBackgroundModelError(name, f"it wants {len(inputs)} inputs, a background network one photo")
    wanted = inputs[0]
    batch, channels, height, width = (
        tuple(side if isinstance(side, int) and side > 0 else None for side in wanted.shape)
        if len(wanted.shape) == 4
        else (0,) * 4
    )
    if batch not in (None, 1) or channels not in (None, 3) or height != width or wanted.type != "tensor(float)":
        words = f"{wanted.type}{list(wanted.shape)}"
        raise BrokenBackgroundModelError(name, f"its input is {words}, not one square photo as [1, 3, side, side]")
    return str(wanted.name), height or side_px
