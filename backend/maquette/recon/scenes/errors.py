"""What can be wrong with a scene given as files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from maquette.errors import BadInputError

Warn = Callable[[str, str], None]
"""Told of what was left out but does not stop the work: a stable code and a sentence."""

MISSING_SHARE = 0.5
"""Share of named images that may be missing: public scenes are often trimmed without their lists."""

FORMS = "a COLMAP model (sparse/0 with images/) or a transforms.json with its images"


def log_warning(code: str, message: str) -> None:
    """The :data:`Warn` of whoever has nothing better: the log."""
    logging.getLogger("maquette.recon.scenes").warning("%s: %s", code, message)


def tell_missing(name: str, missing: Sequence[str], total: int, warn: Warn) -> None:
    """Warn of missing images; raise :class:`SceneImagesMissingError` when too many are."""
    if len(missing) > MISSING_SHARE * total:
        raise SceneImagesMissingError(name, missing, total)
    if missing:
        warn("images_missing", f"{len(missing)} of {total} images of '{name}' are missing and were left out.")


class SceneNotFoundError(BadInputError):
    """There is neither a model nor a transforms file where the user pointed."""

    code = "scene_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no scene at '{name}'.",
            suggestion=f"Give {FORMS}. Photos alone have no cameras yet: `maquette reconstruct` finds them.",
            scene=name,
        )


class SceneUnreadableError(BadInputError):
    """The files are there and cannot be understood."""

    code = "scene_unreadable"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"The scene '{name}' cannot be read: {why}.",
            suggestion="Export it again from the program that made it.",
            scene=name,
        )


class SceneWithoutImagesError(BadInputError):
    """Cameras without a single image."""

    code = "scene_without_images"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The scene '{name}' names no images.",
            suggestion="Put the photos beside the cameras and list them.",
            scene=name,
        )


class SceneImagesMissingError(BadInputError):
    """Images that are named and not there."""

    code = "scene_images_missing"

    def __init__(self, name: str, missing: Sequence[str], total: int) -> None:
        shown = ", ".join(f"'{image}'" for image in missing[:5]) + (", …" if len(missing) > 5 else "")
        super().__init__(
            f"{len(missing)} of {total} images of the scene '{name}' are missing: {shown}.",
            suggestion="Copy the images to where the scene names them.",
            scene=name,
            missing=list(missing),
        )


class SceneBadPoseError(BadInputError):
    """A pose that is no rigid motion."""

    code = "scene_bad_pose"

    def __init__(self, name: str, image: str, why: str) -> None:
        super().__init__(
            f"The pose of '{image}' in the scene '{name}' {why}.",
            suggestion="Remove that image from the scene or compute its pose again.",
            scene=name,
            image=image,
        )


class SceneOneCameraError(BadInputError):
    """One camera shows no depth."""

    code = "scene_one_camera"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The scene '{name}' has only one camera.",
            suggestion="Give at least two photos from different places; 20 or more are better.",
            scene=name,
        )


class CameraModelUnsupportedError(BadInputError):
    """A lens model that is not undistorted here."""

    code = "camera_model_unsupported"

    def __init__(self, name: str, model: str) -> None:
        super().__init__(
            f"The scene '{name}' uses the camera model {model}, which is not supported.",
            suggestion="Undistort the images to a pinhole camera first (colmap image_undistorter).",
            scene=name,
            model=model,
        )
