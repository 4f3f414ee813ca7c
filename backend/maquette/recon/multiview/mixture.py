"""Photos and weighted enhanced views as one scene to train on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.gaussians.previews import write_picture
from maquette.recon.masks import write_mask
from maquette.recon.multiview.weigh import ViewWeights
from maquette.recon.photos import UnreadablePhotoError
from maquette.recon.scene import Scene, View

ENHANCED_SHARE = 1.0
"""Largest total weight of all enhanced views, as a share of that of the photos."""
FAINTEST = 8 / 255
"""Smaller weights become 0. Adam takes full steps by gradients of any size: where nothing else pulls, a pixel of this
weight would count as much as a photo's."""
LEAST_MEAN = 0.01
"""Views whose weights are smaller on average are left out: nothing of them is confirmed."""

_SAME_EXPOSURE = 0.01


class NoPhotosToMixError(BadInputError):
    """Training on invented views alone is never right."""

    code = "no_photos_to_mix"


@dataclass(frozen=True, eq=False)
class Mixture:
    """A scene whose first views are those of the source scene, unchanged; enhanced ones follow.

    ``views`` are the indices to train on: every photo and every enhanced view is seen once in each round through
    them. ``scale`` is the factor on the weights that the limit asked for. ``dropped`` names the enhanced views
    of which nothing is left. The scene's ``held_out`` counts views by their place and means nothing here: evaluate on
    the source scene.
    """

    scene: Scene
    views: tuple[int, ...]
    scale: float
    dropped: tuple[str, ...]


def mix(
    scene: Scene,
    anchors: Sequence[int],
    weighed: Iterable[ViewWeights],
    folder: Path,
    *,
    enhanced_share: float = ENHANCED_SHARE,
) -> Mixture:
    """Write masks (and pictures, where the exposure was another) to ``folder`` and add the views to ``scene``.

    ``anchors`` are the photos to train on, each at full weight in every round. All enhanced weights are multiplied by
    one factor, so that their sum of means is at most ``enhanced_share`` times the number of photos. Pictures are
    brought to the exposure of the parent's render. Raises ``no_photos_to_mix`` or ``unreadable_photo``; ValueError
    for a negative share.
    """
    if not anchors:
        raise NoPhotosToMixError(
            "Enhanced views were given without a photo to train on beside them.",
            suggestion="Train on the photos as well.",
        )
    if not enhanced_share >= 0:
        raise ValueError(f"a share of {enhanced_share}")
    ready = [(one, one.mask) for one in weighed]  # 8 bit each; the limit needs them all
    total = sum(float(mask.mean()) / 255 for _, mask in ready)
    scale = min(1.0, enhanced_share * len(anchors) / total) if total > 0 else 1.0
    added: list[View] = []
    dropped: list[str] = []
    for place, (one, mask) in enumerate(ready):
        scaled = _scaled(mask, scale)
        # A mask of zeros and ones alone would be read as one of truth values (read_mask): its ones would count fully.
        if scaled.mean() < 255 * LEAST_MEAN * scale or scaled.max() <= 1:
            dropped.append(one.view.picture.name)
        else:
            added.append(_target(one, scaled, folder / f"{place:04d}"))
    first = len(scene.views)
    return Mixture(
        replace(scene, views=(*scene.views, *added)),
        (*anchors, *range(first, first + len(added))),
        scale,
        tuple(dropped),
    )


def _scaled(mask: UInt8[ndarray, "h w"], scale: float) -> UInt8[ndarray, "h w"]:
    weights = np.rint(mask * np.float32(scale))
    steps: UInt8[ndarray, "h w"] = np.where(weights < 255 * FAINTEST * scale, 0, weights).astype(np.uint8)
    return steps


def _target(one: ViewWeights, mask: UInt8[ndarray, "h w"], stem: Path) -> View:
    picture = one.view.picture
    camera = picture.camera
    mask_path, image_path = stem.with_name(f"{stem.name}_mask.png"), picture.image_path
    write_mask(cv2.resize(mask, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR), mask_path)
    if abs(one.gain - 1) > _SAME_EXPOSURE:
        image_path = stem.with_name(f"{stem.name}.png")
        write_picture(_as_bright_as_the_render(picture, one.gain), image_path)
    # A name of its own: a photo from the same camera may be in the scene, and what is learned of it is not the same
    return View(f"enhanced/{picture.name}", camera, image_path, mask_path)


def _as_bright_as_the_render(picture: View, gain: float) -> UInt8[ndarray, "h w 3"]:
    bgr = cv2.imread(str(picture.image_path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise UnreadablePhotoError(
            f"The enhanced picture of view {picture.name} cannot be read.",
            suggestion="Check that the file is there and whole.",
        )
    values: Float32[ndarray, "h w 3"] = bgr[..., ::-1] / np.float32(gain)
    pixels: UInt8[ndarray, "h w 3"] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels)
