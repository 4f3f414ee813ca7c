"""Videos made by the tests: what a camera would see that walks, turns or stands still."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

WIDTH, HEIGHT = 320, 240


@functools.cache
def texture(seed: int, width: int = 1000, height: int = 500, grain: float = 2.0) -> np.ndarray:
    """Blotches of every brightness: corners to follow and edges to measure."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.clip(128 + smooth * (70 / smooth.std()), 0, 255).astype(np.uint8)


def walk(frames: int, step_px: float = 2.0, *, width: int = WIDTH, height: int = HEIGHT) -> Iterator[np.ndarray]:
    """Sideways past a near thing before a wall: the thing moves twice as far in the picture as the wall."""
    wall, thing = texture(1), texture(2)
    for i in range(frames):
        far, near = step_px * i, 2 * step_px * i
        picture = cut(wall, far, width, height)
        front = cut(thing, near, width, height)
        middle = slice(height // 4, 3 * height // 4)
        picture[middle] = front[middle]
        yield picture


def turn(frames: int, degrees: float = 0.4, *, width: int = WIDTH, height: int = HEIGHT) -> Iterator[np.ndarray]:
    """The same world of infinite distance, seen by a camera that turns about its own upright axis."""
    wall, focal = texture(3), 0.9 * width
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    wall_K = np.array([[focal, 0, wall.shape[1] / 2], [0, focal, wall.shape[0] / 2], [0, 0, 1]])
    for i in range(frames):
        angle = np.radians(degrees * (i - frames / 2))
        R = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        yield cv2.warpPerspective(wall, K @ R.T @ np.linalg.inv(wall_K), (width, height), borderMode=cv2.BORDER_REFLECT)


def cut(wall: np.ndarray, left: float, width: int, height: int) -> np.ndarray:
    """A window of the picture that begins at a broken column."""
    shift = np.array([[1, 0, -(left % (wall.shape[1] - width))], [0, 1, -100]], dtype=np.float64)
    return cv2.warpAffine(wall, shift, (width, height))


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = 30,
    gop: int = 12,
    rotation: tuple[float, bool] | None = None,
    times: Iterable[int] | None = None,
    aspect: Fraction | None = None,
    sound: bool = False,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """``rotation``: degrees counter-clockwise and whether mirrored; ``times``: time stamps in 1/1000 s."""
    stamps = iter(times) if times is not None else None
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream: Any = None
        for picture in pictures:
            if stream is None:
                stream = container.add_stream(codec, rate=fps, options=options or {})
                stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], pix_fmt
                stream.codec_context.gop_size = gop
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if stamps is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
                if rotation is not None:
                    stream.set_display_rotation(rotation[0], hflip=rotation[1])
                if sound:
                    add_silence(container)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            if stamps is not None:
                frame.pts, frame.time_base = next(stamps), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A recording without pictures."""
    with av.open(str(path), "w") as container:
        add_silence(container)
    return path


def add_silence(container: Any) -> None:
    """One second of it."""
    stream = container.add_stream("aac", rate=44_100)
    for start in range(0, 44_100, 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
