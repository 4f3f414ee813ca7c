"""What can go wrong when a background is removed, one stable code each."""

from __future__ import annotations

from maquette.errors import BadInputError, MaquetteError


class UnknownBackgroundModelError(BadInputError):
    """There is no background network of this name."""

    code = "unknown_background_model"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no background model '{name}'.", suggestion=f"Choose one of {', '.join(known)}.", model=name
        )


class BrokenBackgroundModelError(MaquetteError):
    """A background network's file is missing, damaged, or holds another kind of network."""

    code = "background_model_broken"

    def __init__(self, name: str, reason: str) -> None:
        # Not the file's path: errors reach people who do not own this machine. The name finds it.
        super().__init__(
            f"The background model '{name}' cannot be used: {reason}.",
            suggestion=f"Run `maquette models verify {name}`; delete its folder and pull it again if that finds fault.",
            model=name,
        )


class ObjectNotFoundError(BadInputError):
    """Nothing, or nearly everything, of the photo was told apart from its background."""

    code = "object_not_found"

    def __init__(self, share: float, method: str) -> None:
        found = "no object" if share < 0.5 else "no background"
        super().__init__(
            f"In this photo {found} could be found ({method}: {share:.1%} of the picture would stay).",
            suggestion="Take the object whole, before a plain background of another colour; or send the photo with a"
            " transparent background.",
            object_share=share,
            method=method,
        )
