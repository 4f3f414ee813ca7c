"""What can be wrong with a model file, and with asking for one."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.errors import BadInputError, MaquetteError


class BadModelFileError(BadInputError):
    """A file that was given as a model cannot be read as one."""

    code = "bad_model_file"

    def __init__(
        self,
        name: str,
        reason: str,
        suggestion: str = "Give a complete file of Gaussians, such as a binary PLY as 3D Gaussian Splatting writes it.",
    ) -> None:
        super().__init__(
            f"'{name}' cannot be read as a model: {reason}.",
            suggestion=suggestion,
            file=name,
            reason=reason,
        )


class UnknownFormatError(BadInputError):
    """A format that models cannot be written in."""

    code = "unknown_format"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(
            f"Models cannot be written as '{name[:40]}'.",
            suggestion=f"Choose one of: {', '.join(known)}.",
            format=name[:40],
            known=list(known),
        )


class EmptyModelError(BadInputError):
    """A model without a single Gaussian, triangle, point or camera shows nothing, and most viewers fail on it."""

    code = "empty_model"

    def __init__(self, parts: str = "Gaussians") -> None:
        super().__init__(
            f"The model holds no {parts}, so there is nothing to write.",
            suggestion="Use another version of the model, or its unfiltered file.",
        )


class DivergedModelError(MaquetteError):
    """Training left numbers that are not finite; no viewer can show them."""

    code = "diverged_model"

    def __init__(self) -> None:
        super().__init__(
            "The model holds numbers that are not finite: its training diverged.",
            suggestion="Refine again from an earlier version, with a lower learning rate.",
        )


class ModelOutOfRangeError(BadInputError):
    """The format keeps numbers within limits, and the model's lie beyond them."""

    code = "model_out_of_range"

    def __init__(self, format: str, reason: str) -> None:
        super().__init__(
            f"The model does not fit in the format '{format}': {reason}.",
            suggestion="Scale the model down (the option 'scale'), crop it, or export it as ply.",
            format=format,
            reason=reason,
        )
