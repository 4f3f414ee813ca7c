"""What can be wrong with a file that is given as a bundle."""

from __future__ import annotations

from maquette.errors import BadInputError, TooLargeError


class BundleUnreadableError(BadInputError):
    """It is no bundle, or not all of one, or says what cannot be."""

    code = "bundle_unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The bundle cannot be read: {reason}.",
            suggestion="Send the file as the export wrote it; if it was cut or changed on its way, export it again.",
            reason=reason,
        )


class BundleNewerError(BadInputError):
    """A newer Maquette wrote it."""

    code = "bundle_newer"

    def __init__(self, what: str, theirs: object, ours: object) -> None:
        super().__init__(
            f"The bundle was written by a newer Maquette: its {what} is {str(theirs)[:60]}, and this one knows {ours}.",
            suggestion="Update Maquette here, run `maquette db migrate`, then import it again.",
            theirs=str(theirs)[:60],
            ours=str(ours),
        )


class BundleTooLargeError(TooLargeError):
    """More bytes or rows than are taken in."""

    code = "bundle_too_large"
