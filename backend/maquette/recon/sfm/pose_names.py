"""Which pose belongs to which photo: by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(frozen=True)
class NamedPhoto:
    """A photo under the name it has here and the one its owner gave it."""

    name: str
    filename: str


P = TypeVar("P", bound=NamedPhoto)


@dataclass(frozen=True)
class MatchedNames(Generic[P]):
    """``pairs``: index of a pose and its photo. Left over: names of poses as the file has them, and photos."""

    pairs: tuple[tuple[int, P], ...]
    without_photo: tuple[str, ...]
    without_pose: tuple[P, ...]


def match_names(poses: Sequence[str], photos: Sequence[P]) -> MatchedNames[P]:
    """Match by base name whatever its case; what is left over by base name without its ending.

    Of poses (or photos) of one base name in several folders, those match whose last folders agree; names that stay
    ambiguous match nothing.
    """
    found: dict[int, P] = {}
    keys: tuple[Callable[[str], str], ...] = (_path, lambda name: _parts(name)[-1], _stem)
    for key in keys:
        left = [photo for photo in photos if photo not in found.values()]
        by_pose, by_photo = defaultdict(list), defaultdict(list)
        for index, name in enumerate(poses):
            if index not in found:
                by_pose[key(name)].append(index)
        for photo in left:
            by_photo[key(photo.filename)].append(photo)
        for name, indices in by_pose.items():
            if len(indices) == 1 and len(by_photo[name]) == 1:
                found[indices[0]] = by_photo[name][0]
    return MatchedNames(
        pairs=tuple(sorted(found.items(), key=lambda pair: pair[0])),
        without_photo=tuple(name for index, name in enumerate(poses) if index not in found),
        without_pose=tuple(photo for photo in photos if photo not in found.values()),
    )


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").lower().split("/") if part not in ("", ".")] or [""]


def _path(name: str) -> str:
    return "/".join(_parts(name)[-2:])


def _stem(name: str) -> str:
    last = _parts(name)[-1]
    return last.rpartition(".")[0] or last
