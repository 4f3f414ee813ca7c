"""What is asked of an enhancement, and what comes back, with all that a record of it must hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.enhance.errors import BadEnhancementError

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class EnhanceParameters:
    """How a view is enhanced; None means the method's own default. What a method has no use for it leaves alone.

    Raises :class:`BadEnhancementError`.
    """

    prompt: str | None = None
    """What the picture shows, or what the model is to do. Diffusion only."""
    negative_prompt: str | None = None
    """What it must not show; without effect at a guidance of 1 or less, and in the fixer."""
    strength: float | None = None
    """How far the result may leave the render, above 0 to 1. ``sdxl``: share of the noise schedule; ``classical``:
    blend of render and result; ``fixer``: timestep the model is told, as a share of 1000."""
    steps: int | None = None
    """Length of the noise schedule, 1 to 200; ``sdxl`` runs ``steps`` times ``strength`` of them, rounded down."""
    guidance: float | None = None
    """Classifier-free guidance (Ho and Salimans 2022), 0 to 30. Diffusion only."""
    seed: int = 0
    """Of every random choice: the same seed gives the same picture on the same device."""
    depth_weight: float = 0.5
    """Weight of the depth ControlNet, 0 to 2, where its weights and a depth are there. ``sdxl`` only."""
    tile_px: int = 1024
    """Longest side that the model sees at once, at least 64; larger views are done in overlapping tiles."""
    working_side_px: int = 768
    """Views whose longer side is shorter are enlarged to this for the model, and reduced again; 0: never."""
    noise: float | None = None
    """``classical``: standard deviation of the noise in 8-bit steps, 0 to 100; None: estimated from the picture."""
    blur_px: float = 0.8
    """``classical``: standard deviation of the blur that is undone, pixels, 0 (none) to 5."""
    iterations: int = 8
    """``classical``: steps of the deconvolution, 0 to 50. More is sharper, and rougher."""

    def __post_init__(self) -> None:
        _bounded("strength", self.strength, 1e-3, 1)
        _bounded("steps", self.steps, 1, 200)
        _bounded("guidance", self.guidance, 0, 30)
        _bounded("seed", self.seed, 0, MAX_SEED)
        _bounded("depth_weight", self.depth_weight, 0, 2)
        _bounded("tile_px", self.tile_px, 64, 4096)
        _bounded("working_side_px", self.working_side_px, 0, 4096)
        _bounded("noise", self.noise, 0, 100)
        _bounded("blur_px", self.blur_px, 0, 5)
        _bounded("iterations", self.iterations, 0, 50)


@dataclass(frozen=True)
class EnhanceRequest:
    """One rendered view: sRGB bytes; ``photo`` of the same camera, if there is one; depth along z in world units.

    Where ``depth`` is not finite and positive the view has none. Raises :class:`BadEnhancementError` for sizes that
    do not agree.
    """

    render: UInt8[ndarray, "h w 3"]
    photo: UInt8[ndarray, "_ _ 3"] | None = None
    depth: Float32[ndarray, "_ _"] | None = None
    parameters: EnhanceParameters = field(default_factory=EnhanceParameters)

    def __post_init__(self) -> None:
        size = self.render.shape[:2]
        if 0 in size:
            raise BadEnhancementError("The view to enhance has no pixels.", suggestion="Render the view first.")
        for name, other in (("photo", self.photo), ("depth", self.depth)):
            if other is not None and other.shape[:2] != size:
                raise BadEnhancementError(
                    f"The {name} has {other.shape[1]} x {other.shape[0]} pixels, the render {size[1]} x {size[0]}.",
                    suggestion="Render the view at exactly the size of its photo.",
                )


@dataclass(frozen=True)
class EnhanceRecord:
    """What made a picture. None where the method knows no such thing."""

    method: str
    model: str | None = None
    revision: str | None = None
    licence: str | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    strength: float | None = None
    steps: int | None = None
    """Length of the schedule as asked for."""
    steps_run: int | None = None
    """Steps of it that were really run, for each tile."""
    tiles: int | None = None
    guidance: float | None = None
    seed: int | None = None
    depth_control: bool = False
    """Whether the depth of the view steered the model."""
    depth_revision: str | None = None
    """Revision of the ControlNet that did."""
    photo_used: bool = False
    """Whether the model saw the photo."""
    settings: dict[str, float] = field(default_factory=dict)
    """Of the classical method: what it used."""
    seconds: float = 0.0
    device: str = "cpu"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Enhanced:
    """The picture, of exactly the size of the render, and its record."""

    image: UInt8[ndarray, "h w 3"]
    record: EnhanceRecord


def _bounded(name: str, value: float | int | None, low: float | int, high: float | int) -> None:
    # NaN is below and above nothing: ask what must hold, not what must not.
    if value is not None and not (np.isfinite(value) and low <= value <= high):
        raise BadEnhancementError(
            f"{name} is {value}; it must be from {low:g} to {high:g}.", suggestion=f"Choose another {name}."
        )
