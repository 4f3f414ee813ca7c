"""The second pass: the chosen frames decoded again, at full size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from maquette.recon.capture import SHARPNESS_LONG_SIDE_PX, sharpness
from maquette.recon.video.errors import CorruptVideoError
from maquette.recon.video.measuring import FrameMeasures, small_grey
from maquette.recon.video.reader import Decoded, VideoReader


def find_frames(reader: VideoReader, key_pts: Sequence[int], chosen: Sequence[FrameMeasures]) -> Iterator[Decoded]:
    """The chosen frames in order, jumping over what lies before the key frame of each.

    ``key_pts``: where decoding can begin, rising; empty where jumping is not safe. Indexes and streams can lie all the
    same: a frame reached by a jump must measure as sharp as it did at first, else the rest is decoded straight
    through. Raises :class:`CorruptVideoError` where a frame does not come again.
    """
    found = 0
    for decoded in _jump(reader, key_pts, chosen):
        found += 1
        yield decoded
    for target in _walk(reader, chosen[found:]):
        found += 1
        yield target
    if found < len(chosen):
        raise CorruptVideoError(reader.name)


def _jump(reader: VideoReader, key_pts: Sequence[int], chosen: Sequence[FrameMeasures]) -> Iterator[Decoded]:
    """Ends early, at the first frame that is not what it was."""
    frames: Iterator[Decoded] = iter(())
    here: int | None = None
    for target in chosen:
        before = bisect_right(key_pts, target.pts) if target.pts is not None else 0
        if target.pts is None or not before:
            return
        if here is None or key_pts[before - 1] > here:
            frames = reader.decode(from_pts=key_pts[before - 1])
        decoded = next((each for each in frames if each.pts is not None and each.pts >= target.pts), None)
        if decoded is None or decoded.pts != target.pts or not _is_same(decoded, target):
            return
        here = target.pts
        yield decoded


def _walk(reader: VideoReader, chosen: Sequence[FrameMeasures]) -> Iterator[Decoded]:
    """By their number in decoding order."""
    if not chosen:
        return
    wanted = iter(chosen)
    target = next(wanted, None)
    for decoded in reader.decode():
        if target is None:
            return
        if decoded.index == target.index:
            yield decoded
            target = next(wanted, None)


def _is_same(decoded: Decoded, target: FrameMeasures) -> bool:
    return sharpness(small_grey(decoded, SHARPNESS_LONG_SIDE_PX)) == target.sharpness
