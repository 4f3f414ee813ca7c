"""Why poses that came with photos cannot be used, in words for the person who sent them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maquette.errors import BadInputError
from maquette.recon.sfm.pose_names import MatchedNames, NamedPhoto

_SHOWN = 10


class PosesDoNotMatchError(BadInputError):
    """Too few photos have a pose under their name."""

    code = "poses_do_not_match"

    def __init__(self, matched: MatchedNames[Any], photos: int, poses: int) -> None:
        unposed = [_filename(photo) for photo in matched.without_pose]
        super().__init__(
            f"{len(matched.pairs)} of {photos} photos have a pose under their name ({poses} poses were sent). "
            f"Photos without a pose: {_listed(unposed)}. Poses without a photo: {_listed(matched.without_photo)}.",
            suggestion="Name the photos as the poses file does (folders and upper case do not matter), or send the "
            "photos without poses: cameras are then searched.",
            matched=len(matched.pairs),
            photos_without_pose=unposed,
            poses_without_photo=list(matched.without_photo),
        )


class PoseOfAnotherShapeError(BadInputError):
    """A pose says its picture has another shape than the photo."""

    code = "pose_of_another_shape"

    def __init__(self, filename: str, photo: tuple[int, int], stated: tuple[int, int]) -> None:
        super().__init__(
            f"'{filename}' has {photo[0]} x {photo[1]} pixels, but its pose is of a picture of {stated[0]} x "
            f"{stated[1]}: it was cropped or is another one.",
            suggestion="Send the photos that the poses were made from; only their size may differ.",
            photo=filename,
            photo_size=list(photo),
            pose_size=list(stated),
        )


class PosesDoNotFitError(BadInputError):
    """What the photos show contradicts the poses."""

    code = "poses_do_not_fit"

    def __init__(
        self, form: str, agreements: Mapping[str, Mapping[str, Any]], best: str, misfits: Sequence[str] = ()
    ) -> None:
        given, closest = agreements["as_given"], agreements[best]
        text = (
            f"The poses contradict the photos: {given['share']:.0%} of {given['matches']} matches between "
            f"{given['pairs']} pairs of photos lie where the poses say they must (half is the least), and half of all "
            f"lie {given['error_px']:.1f} pixels off or more."
        )
        if misfits:
            text = f"The poses of {len(misfits)} photos contradict what these show: {_listed(misfits)}."
        elif best != "as_given" and closest["share"] > 2 * given["share"]:
            text += f" Read {self.meant(form, best)}, {closest['share']:.0%} would."
        super().__init__(
            text,
            suggestion="Check that the poses were made from these very photos, that no photo was renamed, and which "
            "convention they have; or send the photos without poses: cameras are then searched.",
            agreements={name: {k: v for k, v in one.items() if k != "by_photo"} for name, one in agreements.items()},
            misfits=list(misfits),
        )

    @staticmethod
    def meant(form: str, reading: str) -> str:
        """In words, how poses of ``form`` are read in ``reading``, unlike as given."""
        opengl = (form == "transforms") != ("other_axes" in reading)
        # A matrix that turns out inverted was given in the other direction than its form says.
        from_world = (form != "transforms") != ("inverted" in reading)
        if form == "transforms" and "inverted" in reading:
            # its axes were turned on the camera's side of the file's matrix; once inverted, that is the world's side
            opengl = not opengl
        words = [
            f"as {'camera-from-world' if from_world else 'world-from-camera'} matrices",
            f"with the axes of {'OpenGL (y up, z backward)' if opengl else 'OpenCV (y down, z forward)'}",
        ]
        if reading.endswith("_turned"):
            words.append("of photos turned the other way")
        return " ".join(words)


def _filename(photo: NamedPhoto) -> str:
    return photo.filename


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return (shown or "none") + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
