"""Which way is up in a model's world, found from cameras and points, and how sure that is.

Structure from motion leaves a world turned any way. In order of trust: what is known beforehand, the axis of a circle
of cameras, the ground, how the cameras were held; where nothing says it, the world's -y, named as no finding.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.formats.points import Points
from maquette.recon.frame.camera_ups import camera_up
from maquette.recon.frame.circle import Circle, camera_circle
from maquette.recon.frame.ground import find_ground
from maquette.recon.gaussians import Gaussians
from maquette.recon.scene import Scene

Method = Literal["known_poses", "camera_circle", "ground_plane", "camera_ups", "as_captured"]

CIRCLE_ERROR_DEG = 1.0
LEAST_GATE_DEG, LARGEST_GATE_DEG = 6.0, 35.0
"""How far the ground may tilt against what the cameras take for up: three of their expected errors within these."""
HOPELESS_DEG = 30.0
"""Expected error at which confidence is 0; it falls evenly to there."""
OPAQUE_LOGIT = 0.0
"""Gaussians below an opacity of one half are no surface."""


class BadUpError(BadInputError):
    """A direction that was given as up is none."""

    code = "bad_up"


@dataclass(frozen=True)
class Up:
    """``direction``: unit vector in the world, pointing up. ``confidence``: 0, nothing said it, to 1, it is known.

    ``ground_height``: where the ground was found, it is the points with ``direction . x`` of this, world units.
    """

    direction: tuple[float, float, float]
    method: Method
    confidence: float
    sentence: str
    ground_height: float | None = None

    @property
    def vector(self) -> Float[ndarray, 3]:
        """The direction as an array."""
        return np.array(self.direction)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def known_up(direction: Float[ndarray, 3], sentence: str = "Up is known: the cameras came with it.") -> Up:
    """Up where the caller knows it, as on a rig. Raises :class:`BadUpError` for no direction."""
    length = float(np.linalg.norm(direction))
    if not np.isfinite(length) or length < 1e-9:
        raise BadUpError("The direction given as up has no length.", suggestion="Give three numbers, not all zero.")
    return Up(_three(direction / length), "known_poses", 1.0, sentence)


def find_up(scene: Scene, content: Gaussians | Points | None = None, *, seed: int = 0) -> Up:
    """Find up from the scene's cameras, and from the ground among ``content`` (none: the scene's sparse points).

    The answer turns with the world: turn scene and content, and it turns likewise.
    """
    cameras = [view.camera for view in scene.views]
    circle = camera_circle(cameras)
    if circle is not None:
        return _of_circle(circle)
    held = camera_up(cameras) if cameras else None
    if held is None:
        return Up(
            (0.0, -1.0, 0.0),
            "as_captured",
            0.0,
            "Nothing says which way is up: the cameras disagree. The model stands as it was captured.",
        )
    gate = float(np.clip(3 * held.error_deg, LEAST_GATE_DEG, LARGEST_GATE_DEG))
    centres = np.stack([camera.centre for camera in cameras])
    ground = find_ground(_places(scene, content), centres, held.direction, gate, seed=seed)
    if ground is None:
        sentence = (
            f"Up is how the {len(cameras)} cameras were held; no ground was found. Expected error "
            f"{held.error_deg:.0f}°."
        )
        return Up(_three(held.direction), "camera_ups", _confidence(held.error_deg), sentence)
    apart = float(np.degrees(np.arccos(np.clip(ground.normal @ held.direction, -1, 1))))
    sentence = (
        f"Up is square to the ground, a plane that {ground.share:.0%} of the points lie on, {apart:.0f}° from "
        "how the cameras were held."
    )
    error = max(1.0, apart / 3)
    return Up(_three(ground.normal), "ground_plane", _confidence(error), sentence, ground.height)


def _of_circle(circle: Circle) -> Up:
    sentence, confidence = "Up is the axis of the circle that the cameras stand on.", _confidence(CIRCLE_ERROR_DEG)
    if circle.sideways and circle.sign_known:
        # Cameras below what they circle would turn it upside down.
        sentence += " The photos lie on their side; that the cameras look down told which end is up."
        confidence = 0.6
    elif circle.sideways:
        sentence += " The photos lie on their side and the cameras look level, so which end is up is a guess."
        confidence = 0.3
    return Up(_three(circle.axis), "camera_circle", confidence, sentence)


def _places(scene: Scene, content: Gaussians | Points | None) -> Float[ndarray, "n 3"]:
    if isinstance(content, Gaussians):
        return content.means[content.opacity_logits > OPAQUE_LOGIT].astype(np.float64)
    if isinstance(content, Points):
        return content.positions.astype(np.float64)
    return scene.points.astype(np.float64)


def _confidence(error_deg: float) -> float:
    return round(max(0.0, 1 - error_deg / HOPELESS_DEG), 3)


def _three(values: Float[ndarray, 3]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
