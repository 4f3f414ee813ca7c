"""What waits to be brought up to date, as ``project.json`` tells a step of it, and the one photo that may never wait.

Light, because whoever fills the folder, and the API, need it without the libraries that compute.
"""

from __future__ import annotations

from maquette.errors import WrongStateError

REPLACED = "replaced"
"""Views whose photo is another one now: ``name``, ``photo`` (its path in the folder), ``filename``, ``focal_px``."""
WITHOUT_DEPTH = "views_without_depth"
"""Names of views that were made again and have no depth map yet."""


class HeldOutPhotoFixedError(WrongStateError):
    """A photo that measures quality was to be replaced."""

    code = "held_out_photo_fixed"

    def __init__(self, filename: str) -> None:
        super().__init__(
            f"'{filename}' is one of the photos that measure quality, which stay what they are: with another photo the"
            " numbers of earlier versions would compare with nothing.",
            suggestion="Replace a photo whose view has `split` training, or begin a new project with the new photo.",
            filename=filename,
        )
