"""Why cameras could not be placed, in words for the person who took the photos."""

from __future__ import annotations

from typing import Any

from maquette.errors import BadInputError, MaquetteError

OVERLAP_ADVICE = (
    "Take more photos: walk around the subject in small steps so that each photo shows at least two thirds of "
    "what the last one showed, keep it sharp, and leave textured things in view."
)


class TooFewPhotosError(BadInputError):
    """Fewer photos than triangulation can work with."""

    code = "too_few_photos"

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"{found} {'photo is' if found == 1 else 'photos are'} there, {needed} are needed at least.",
            suggestion="Add photos from other places around the subject; 20 to 60 are a good number.",
            found=found,
            needed=needed,
        )


class PhotosShareNothingError(BadInputError):
    """No two photos show the same thing."""

    code = "photos_share_nothing"

    def __init__(self, total: int, details: dict[str, Any]) -> None:
        super().__init__(
            f"No two of the {total} photos show the same thing: nothing connects them.",
            suggestion=OVERLAP_ADVICE,
            **details,
        )


class TooFewPhotosPlacedError(BadInputError):
    """Too few photos, or too small a share of them, could be placed."""

    code = "too_few_photos_placed"

    def __init__(self, placed: int, total: int, needed: int, why: str, details: dict[str, Any]) -> None:
        super().__init__(
            f"{placed} of {total} photos could be placed, {needed} are needed. {why}",
            suggestion=OVERLAP_ADVICE,
            needed=needed,
            **details,
        )


class TooFewPointsError(BadInputError):
    """Photos were placed, but on too little: few points, or points seen by too few photos."""

    code = "too_few_points"

    def __init__(self, message: str, details: dict[str, Any]) -> None:
        super().__init__(
            message,
            suggestion="Photograph a subject with texture, or put a patterned cloth or newspaper under it. "
            + OVERLAP_ADVICE,
            **details,
        )


class SfmCrashedError(MaquetteError):
    """The native code ended its process: a crash, an abort, or too little memory."""

    code = "sfm_crashed"
    status = 500

    def __init__(self, how: str, tail: str) -> None:
        super().__init__(
            f"The camera search ended unexpectedly ({how}).",
            suggestion="Try again; if it ends the same way, use fewer or smaller photos so that it needs less memory.",
            how=how,
            log_tail=tail,
        )
