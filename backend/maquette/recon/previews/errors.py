"""Why there can be no previews."""

from __future__ import annotations

from maquette.errors import BadInputError, UnavailableError


class NothingToShowError(BadInputError):
    """There is no model, or no camera to look at it from."""

    code = "nothing_to_show"

    def __init__(self) -> None:
        super().__init__(
            "There is nothing to make previews of.", suggestion="Use a version that holds Gaussians or triangles."
        )


class VideoEncoderMissingError(UnavailableError):
    """PyAV was built without any encoder that browsers play."""

    code = "video_encoder_missing"

    def __init__(self, tried: list[str]) -> None:
        super().__init__(
            f"No video encoder is here: {', '.join(tried)} are all missing.",
            suggestion="Install PyAV from its wheel: pip install --force-reinstall av.",
            tried=tried,
        )


class BadVideoSizeError(BadInputError):
    """Pictures of a film must be of one size, even on both sides."""

    code = "bad_video_size"
