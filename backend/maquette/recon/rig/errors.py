"""What can be wrong with six views and six depth renders: one stable code each."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.errors import BadInputError
from maquette.recon.rig.sides import SIDES

_NAMES = ", ".join(SIDES)


class RigCountError(BadInputError):
    """Not six pictures, or not six depth renders."""

    code = "six_views_wrong_count"

    def __init__(self, kind: str, found: int) -> None:
        super().__init__(
            f"There are {found} {kind}; the rig has exactly 6.",
            suggestion=f"Send six views and six depth renders, one of each named {_NAMES}.",
            kind=kind,
            found=found,
        )


class RigNameError(BadInputError):
    """A file whose name tells no side, or more than one."""

    code = "six_views_unknown_name"

    def __init__(self, kind: str, name: str, found: Sequence[str]) -> None:
        words = " and ".join(f"'{side}'" for side in found)
        super().__init__(
            f"'{name}' among the {kind} names {f'both {words}' if found else 'no side of the object'}.",
            suggestion=f"Put exactly one of {_NAMES} into the name of each file.",
            kind=kind,
            file=name,
            found=list(found),
        )


class RigSideTwiceError(BadInputError):
    """Two files of one side, so that another is missing."""

    code = "six_views_side_twice"

    def __init__(self, kind: str, side: str, names: Sequence[str], missing: Sequence[str]) -> None:
        files = " and ".join(f"'{name}'" for name in names)
        super().__init__(
            f"{files} are both '{side}' among the {kind}; there is no {' and no '.join(missing)}.",
            suggestion="Send each side once.",
            kind=kind,
            side=side,
            files=list(names),
            missing=list(missing),
        )


class RigSizeError(BadInputError):
    """Pictures of one rig have one size, and depth renders the pictures' shape."""

    code = "six_views_sizes_differ"

    def __init__(self, name: str, size: tuple[int, int], reference: str, wanted: tuple[int, int], what: str) -> None:
        super().__init__(
            f"'{name}' has {size[0]} x {size[1]} pixels, '{reference}' {wanted[0]} x {wanted[1]}; {what}.",
            suggestion="Render all six sides with the same camera, and depth with the same framing.",
            file=name,
            size=list(size),
            reference=reference,
            wanted=list(wanted),
        )


class RigBlankError(BadInputError):
    """A picture or a depth render without an object in it."""

    code = "six_views_blank"

    def __init__(self, kind: str, name: str, why: str) -> None:
        super().__init__(
            f"'{name}' among the {kind} {why}.",
            suggestion="Render this side again, with the whole object before a plain background.",
            kind=kind,
            file=name,
        )


class RigDepthNotGreyError(BadInputError):
    """A colour picture where a depth render should be."""

    code = "six_views_depth_not_grey"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' among the depth renders is a colour picture.",
            suggestion="Send depth as grey pictures: one shade for each distance. Are views and depths exchanged?",
            file=name,
        )


class RigDisagreesError(BadInputError):
    """No placement of the cameras makes the six sides those of one object."""

    code = "six_views_disagree"

    def __init__(self, side: str, outside: float, in_front: float) -> None:
        super().__init__(
            f"The six sides do not show one object: '{side}' fits the others worst, with {outside:.0%} of their points "
            f"beside its object and {in_front:.0%} in front of its surface.",
            suggestion="Check that all twelve files belong to one object and that each is named after its side.",
            side=side,
            outside=outside,
            in_front=in_front,
        )
