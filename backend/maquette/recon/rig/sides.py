"""The six sides of the orthogonal rig: their names, and how a picture of each may lie in the world.

World axes are those of the front picture: x to its right, y down, z away from its camera; up is -y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray

Side: TypeAlias = Literal["front", "back", "left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = get_args(Side)
"""In the order everything about the six views is kept in."""

SPELLINGS: dict[str, Side] = {
    "front": "front",
    "back": "back",
    "rear": "back",
    "behind": "back",
    "left": "left",
    "right": "right",
    "top": "top",
    "up": "top",
    "above": "top",
    "bottom": "bottom",
    "down": "bottom",
    "below": "bottom",
    "under": "bottom",
}
"""Words in a file's name that tell its side."""

_X, _Y, _Z = np.eye(3)
_UPRIGHT: dict[str, tuple[ndarray, ndarray]] = {
    # Directions of sight and of the picture's lower edge.
    "front": (_Z, _Y),
    "back": (-_Z, _Y),
    "left": (_X, _Y),
    "right": (-_X, _Y),
    # As the front camera would see them, tilted over the edge.
    "top": (_Y, -_Z),
    "bottom": (-_Y, _Z),
}


@dataclass(frozen=True)
class Lie:
    """How one picture lies: how often it is turned by 90 degrees (0 to 3), and whether it is mirrored first.

    Turned by n: what stands upright in the world leans n quarter turns clockwise in the picture. Mirrored: left and
    right of the file are exchanged before anything else.
    """

    quarter_turns: int = 0
    mirrored: bool = False

    def unmirrored(self, picture: Shaped[ndarray, "h w *c"]) -> Shaped[ndarray, "h w *c"]:
        """``picture`` as a camera would have taken it."""
        return np.ascontiguousarray(picture[:, ::-1]) if self.mirrored else picture


def rotation_of(side: Side, quarter_turns: int = 0, *, sides_swapped: bool = False) -> Float[ndarray, "3 3"]:
    """``camera_from_world`` rotation (OpenCV axes) of a side's camera.

    ``left`` is what is to the left of the front picture; with ``sides_swapped`` it is the object's own left, which is
    to the right of a picture that shows its face.
    """
    if sides_swapped and side in ("left", "right"):
        side = "right" if side == "left" else "left"
    forward, down = _UPRIGHT[side]
    upright = np.stack([np.cross(down, forward), down, forward])
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    rotation: Float[ndarray, "3 3"] = np.linalg.matrix_power(quarter, quarter_turns % 4) @ upright
    return rotation
