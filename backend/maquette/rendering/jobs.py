"""What is drawn, and what the drawing process and its parent say to each other: one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Output = Literal["image", "depth", "alpha", "error", "side_by_side"]
Format = Literal["png", "jpeg", "webp"]

BESIDE_THE_PHOTO: tuple[Output, ...] = ("error", "side_by_side")
"""These need the photo of a source view."""


class _Camera(BaseModel):
    model_config = ConfigDict(frozen=True)


class SourceCamera(_Camera):
    """A stored view's camera, as :meth:`maquette.recon.cameras.Camera.as_dict` says it.

    The picture is reduced to ``long_side`` px as photos are reduced to be measured; None leaves it as it is.
    """

    kind: Literal["source"] = "source"
    camera: dict[str, Any]
    long_side: int | None


class FreeCamera(_Camera):
    """From where and at what: see :func:`maquette.recon.viewpoints.look_at`."""

    kind: Literal["free"] = "free"
    position: tuple[float, ...]
    target: tuple[float, ...]
    up: tuple[float, ...]
    fov: float
    width: int
    height: int


class GivenCamera(_Camera):
    """By its numbers: see :func:`maquette.recon.viewpoints.camera_of_numbers`."""

    kind: Literal["given"] = "given"
    camera_from_world: tuple[float, ...]
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


AnyCamera = SourceCamera | FreeCamera | GivenCamera


class Look(BaseModel):
    """A picture of any model. ``background``: sRGB, 0 to 1. ``label``: what stands on a render beside its photo."""

    model_config = ConfigDict(frozen=True)

    camera: Annotated[AnyCamera, Field(discriminator="kind")]
    background: tuple[float, float, float]
    output: Output
    format: Format
    label: str = ""


class Job(BaseModel):
    """One picture to draw: of the model in a file, beside the photo in another, into a third."""

    look: Look
    model: Path
    photo: Path | None
    to: Path


class Drawn(BaseModel):
    """The picture is at its place."""

    type: Literal["drawn"] = "drawn"


class Missing(BaseModel):
    """The model or the photo is no longer in the cache."""

    type: Literal["missing"] = "missing"


class Failed(BaseModel):
    """There is no picture, for a reason that the caller can be told."""

    type: Literal["failed"] = "failed"
    error: dict[str, Any]
    status: int


Answer = Annotated[Drawn | Missing | Failed, Field(discriminator="type")]
answer_adapter: TypeAdapter[Answer] = TypeAdapter(Answer)
