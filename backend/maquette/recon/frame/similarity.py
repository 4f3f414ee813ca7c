"""Scale, rotation and translation of a world, and everything that can be moved by them.

``x_out = scale * rotation @ x + translation``, column vectors; never a mirror image, so frames stay right-handed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.formats.points import Points
from maquette.recon.frame.harmonics import rotated
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene

AnyContent: TypeAlias = Gaussians | Mesh | Points | Scene
Content = TypeVar("Content", bound=AnyContent)

_TOLERANCE = 1e-6


class BadSimilarityError(BadInputError):
    """The numbers given are no scale, rotation and translation."""

    code = "bad_similarity"


@dataclass(frozen=True, eq=False)
class Similarity:
    """``out_from_world``. Raises :class:`BadSimilarityError` for a scale of 0 or less, a mirror or a skew."""

    scale: float
    rotation: Float[ndarray, "3 3"]
    translation: Float[ndarray, 3]

    def __post_init__(self) -> None:
        numbers = [self.scale, *self.rotation.ravel(), *self.translation]
        skew = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        if not np.isfinite(numbers).all() or self.scale <= 0 or skew > _TOLERANCE or np.linalg.det(self.rotation) < 0:
            raise BadSimilarityError(
                "A model can be scaled by a number above 0, turned and shifted, nothing else.",
                suggestion="Give a positive scale, a right-handed rotation and finite numbers.",
            )

    @property
    def matrix(self) -> Float[ndarray, "4 4"]:
        """As one matrix for homogeneous points."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.translation
        return matrix

    @property
    def inverse(self) -> Similarity:
        """What undoes it."""
        return Similarity(
            1 / self.scale, self.rotation.T.copy(), np.asarray(-self.rotation.T @ self.translation / self.scale)
        )

    def __matmul__(self, first: Similarity) -> Similarity:
        """``first``, then this one."""
        return Similarity(
            self.scale * first.scale, self.rotation @ first.rotation, np.asarray(self.of_points(first.translation))
        )

    def of_points(self, points: Float[ndarray, "*n 3"]) -> Float[ndarray, "*n 3"]:
        """Positions, float64."""
        moved: Float[ndarray, "*n 3"] = self.scale * (points @ self.rotation.T) + self.translation
        return moved

    def of_directions(self, directions: Float[ndarray, "*n 3"]) -> Float[ndarray, "*n 3"]:
        """Directions: turned only, so unit vectors stay such; float64."""
        turned: Float[ndarray, "*n 3"] = directions @ self.rotation.T
        return turned


def identity() -> Similarity:
    """What leaves everything where it is."""
    return Similarity(1.0, np.eye(3), np.zeros(3))


def moved(content: Content, by: Similarity) -> Content:
    """The same content in the frame that ``by`` leads to: what a camera moved likewise sees does not change."""
    return cast(Content, _moved(content, by))


def moved_camera(camera: Camera, by: Similarity) -> Camera:
    """The camera that sees the moved world as ``camera`` saw the world; its depths are ``scale`` times larger."""
    rotation = camera.camera_from_world[:3, :3] @ by.rotation.T
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ by.of_points(camera.centre)
    return replace(camera, camera_from_world=pose)


def _moved_gaussians(gaussians: Gaussians, by: Similarity) -> Gaussians:
    x, y, z, w = Rotation.from_matrix(by.rotation).as_quat()
    # Hamilton product with each quaternion on the right (wxyz); lengths are kept.
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return Gaussians(
        means=by.of_points(gaussians.means).astype(np.float32),
        log_scales=(gaussians.log_scales + np.float32(np.log(by.scale))).astype(np.float32),
        quaternions=(gaussians.quaternions @ product.T).astype(np.float32),
        opacity_logits=gaussians.opacity_logits.copy(),
        sh=rotated(gaussians.sh, by.rotation),
    )


def _moved(content: AnyContent, by: Similarity) -> AnyContent:
    if isinstance(content, Gaussians):
        return _moved_gaussians(content, by)
    if isinstance(content, Mesh):
        normals = None if content.normals is None else by.of_directions(content.normals).astype(np.float32)
        return replace(content, vertices=by.of_points(content.vertices).astype(np.float32), normals=normals)
    if isinstance(content, Points):
        normals = None if content.normals is None else by.of_directions(content.normals).astype(np.float32)
        return replace(content, positions=by.of_points(content.positions).astype(np.float32), normals=normals)
    views = tuple(replace(view, camera=moved_camera(view.camera, by)) for view in content.views)
    return replace(content, views=views, points=by.of_points(content.points))
