"""What can go wrong between a photo and its depth, one stable code each."""

from __future__ import annotations

from maquette.errors import BadInputError, MaquetteError


class BrokenDepthModelError(MaquetteError):
    """A depth model's file is missing, damaged, or holds a network that is none for depth."""

    code = "depth_model_broken"

    def __init__(self, name: str, reason: str) -> None:
        # Not the file's path: errors reach people who do not own this machine. The name finds it.
        super().__init__(
            f"The depth model '{name}' cannot be used: {reason}.",
            suggestion=f"Run `maquette models verify {name}`; delete its folder and pull it again if that finds fault.",
            model=name,
        )


class DepthFailedError(MaquetteError):
    """The network ran, or tried to, and what came out is no depth."""

    code = "depth_failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The depth model '{name}' gave no depth: {reason}.",
            suggestion="Try a smaller photo or another depth model; without one depth is made by the classical method.",
            model=name,
        )


class DepthNotAlignedError(BadInputError):
    """A relative depth cannot be brought to the scale of the scene: too few points of it, or they contradict it."""

    code = "depth_not_aligned"

    def __init__(self, reason: str, **details: float | int) -> None:
        super().__init__(
            f"The depth cannot be brought to the scale of the scene: {reason}.",
            suggestion="Leave the view without this depth, or add photos that overlap with it.",
            **details,
        )


class TooFewDepthPointsError(BadInputError):
    """Nothing to interpolate: the view sees too few sparse points."""

    code = "too_few_depth_points"

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"The view sees {found} sparse points; {needed} are needed to interpolate its depth.",
            suggestion="Add photos that overlap with it, or use a depth model.",
            found=found,
            needed=needed,
        )
