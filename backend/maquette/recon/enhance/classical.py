"""Denoise and sharpen with classical filters: quick, without weights, and never beyond what is in the picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.progress import Progress
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.request import Enhanced, EnhanceRecord, EnhanceRequest
from maquette.recon.weights import Weights

_SPAN_PX = 5
"""Side of the window whose darkest and brightest pixel bound the result."""


def enhance_classically(request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
    """Non-local means (Buades et al. 2005), then Richardson-Lucy deconvolution (Richardson 1972, Lucy 1974).

    Each channel of each pixel of the result lies between the darkest and the brightest of the denoised picture
    around it (a 5 x 5 window): edges get steeper, and no halo, ringing or new texture can appear.
    """
    began = time.perf_counter()
    asked = request.parameters
    strength = 1.0 if asked.strength is None else asked.strength
    noise = noise_level(request.render) if asked.noise is None else asked.noise
    calm = _denoise(request.render, noise)
    sharp = _deconvolve(calm, asked.blur_px, asked.iterations)
    window = np.ones((_SPAN_PX, _SPAN_PX), np.uint8)
    sharp = np.clip(sharp, cv2.erode(calm, window), cv2.dilate(calm, window))
    blended = request.render + np.float32(strength) * (sharp - request.render)
    record = EnhanceRecord(
        method=CLASSICAL.name,
        strength=strength,
        settings={"noise": noise, "blur_px": asked.blur_px, "iterations": asked.iterations},
        seconds=time.perf_counter() - began,
    )
    return Enhanced(np.clip(np.rint(blended), 0, 255).astype(np.uint8), record)


def noise_level(image: UInt8[ndarray, "h w 3"]) -> float:
    """Standard deviation of the noise in 8-bit steps (Immerkaer 1996), by the median so that edges count little.

    The mask is a difference of two Laplacians: flat areas, ramps and straight edges answer zero.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if min(grey.shape) < 3:
        return 0.0
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    answers = np.abs(cv2.filter2D(grey, cv2.CV_32F, mask)[1:-1, 1:-1])
    # The mask's own gain is 6; 0.6745 is the median of |x| for a standard normal x. Grey averages the channels'
    # noise: 0.668 is the length of its weights (0.299, 0.587, 0.114).
    return float(np.median(answers) / (6 * 0.6745 * 0.668))


def _denoise(image: UInt8[ndarray, "h w 3"], noise: float) -> Float32[ndarray, "h w 3"]:
    # Clean photos measure up to 1.2: rounding to bytes and fine texture, which smoothing would cost.
    if noise < 1.5 or min(image.shape[:2]) < 8:
        return image.astype(np.float32)
    calm: Float32[ndarray, "h w 3"] = cv2.fastNlMeansDenoisingColored(
        image, None, h=float(noise), hColor=float(noise), templateWindowSize=5, searchWindowSize=15
    ).astype(np.float32)
    return calm


def _deconvolve(image: Float32[ndarray, "h w 3"], blur_px: float, iterations: int) -> Float32[ndarray, "h w 3"]:
    if blur_px == 0 or iterations == 0:
        return image

    def blurred(planes: Float32[ndarray, "h w 3"]) -> Float32[ndarray, "h w 3"]:
        soft: Float32[ndarray, "h w 3"] = cv2.GaussianBlur(planes, (0, 0), blur_px, borderType=cv2.BORDER_REFLECT)
        return soft

    # One step up from black keeps the quotient finite.
    seen = image + np.float32(1)
    estimate = seen.copy()
    for _ in range(iterations):
        estimate *= blurred(seen / blurred(estimate))
    return estimate - np.float32(1)


@contextmanager
def _open(weights: Weights, device: Device) -> Iterator[Enhancer]:
    yield enhance_classically


CLASSICAL = Method(
    name="classical",
    summary="edge-preserving denoising and deconvolution; never shows what is not in the render",
    invents=False,
    models=(),
    problem=lambda weights: None,
    open=_open,
)
