"""Previews, posters and films that other programs open, and that show the model."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.recon.frame.worlds import UP, around, blob, cube, scene_of
from tests.recon.rasterize.scenes import random_gaussians

from maquette.progress import CancelledError
from maquette.recon.previews import PreviewSettings, path_around, path_of, render_previews
from maquette.recon.previews.errors import BadVideoSizeError, NothingToShowError
from maquette.recon.previews.film import ENCODERS, Encoder, encoder, write_film
from maquette.recon.previews.rendering import BadPreviewError

SMALL = PreviewSettings(count=8, size=64, poster_size=96, frames=12, film_size=64, fps=12)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_a_mesh_is_shown_plain_and_with_its_edges(tmp_path: Path) -> None:
    heard: list[float] = []
    made = render_previews(
        cube(), path_around(cube(), UP.tolist()), tmp_path, SMALL, lambda stage, share, words="": heard.append(share)
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in made.files)
    assert [file.name for file in made.pictures] == [f"preview_{i}.png" for i in range(8)]
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    for plain, edged in zip(made.pictures, made.wireframes, strict=True):
        picture, wires = (pixels(file) for file in (plain, edged))
        assert picture.shape == (64, 64, 3)
        assert (picture[0, 0] == 255).all(), "white behind it"
        shown = (picture < 250).any(axis=2).mean()
        assert 0.15 < shown < 0.8
        assert (wires.sum(axis=2) < picture.sum(axis=2) - 60).any(), "edges are darker"
    assert pixels(made.poster).shape == (96, 96, 3)


def test_gaussians_are_shown_without_edges_on_black_or_as_asked(tmp_path: Path) -> None:
    gaussians = random_gaussians(200)
    path = path_around(gaussians, UP.tolist())
    made = render_previews(gaussians, path, tmp_path / "black", PreviewSettings(2, 64, 64, 0, 64))
    assert (made.wireframes, made.film, made.codec) == ((), None, None)
    green = render_previews(
        gaussians, path, tmp_path / "green", PreviewSettings(2, 64, 64, 0, 64, background=(0, 255, 0))
    )
    dark, bright = (pixels(one.pictures[0]) for one in (made, green))
    assert dark.std() > 5
    assert bright[..., 1].mean() > dark[..., 1].mean() + 20


def test_the_film_is_what_browsers_play_and_can_begin_early(tmp_path: Path) -> None:
    made = render_previews(cube(), path_around(cube(), UP.tolist()), tmp_path, SMALL)
    assert made.film is not None
    assert (made.film.name, made.codec) == ("turntable.mp4", "libx264")
    data = made.film.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")
    with av.open(str(made.film)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (64, 64, Fraction(12))
        assert stream.codec_context.colorspace == 1, "BT.709, and it says so"
        assert len(list(container.decode(video=0))) == 12


def patches(count: int = 8) -> Iterator[np.ndarray]:
    """Large patches of many colours, the same in every frame."""
    colors = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    for _ in range(count):
        yield np.kron(colors, np.ones((24, 24, 1), np.uint8))


@pytest.mark.parametrize("using", ENCODERS, ids=[one.codec for one in ENCODERS])
def test_colours_of_a_film_are_those_of_its_pictures(tmp_path: Path, using: Encoder) -> None:
    path = write_film(patches(), tmp_path / "film", fps=10, using=using)
    assert path.suffix == using.extension
    with av.open(str(path)) as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(seen) == 8
    expected = next(patches(1)).astype(int)
    inner = np.tile(np.pad(np.ones((12, 12), bool), 6), (4, 4))  # colour is stored at half resolution
    assert np.abs(seen[-1].astype(int) - expected)[inner].mean() < 3
    assert encoder() is ENCODERS[0]


def test_no_half_film_is_left(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield from patches(3)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_film(breaking(), tmp_path / "film", fps=10)
    with pytest.raises(NothingToShowError):
        write_film(iter(()), tmp_path / "film", fps=10)
    for shapes in ([(63, 64, 3)], [(64, 64, 3), (32, 64, 3)]):
        with pytest.raises(BadVideoSizeError):
            write_film((np.zeros(shape, np.uint8) for shape in shapes), tmp_path / "film", fps=10)
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_stopped_and_refuses_nothing_and_nonsense(tmp_path: Path) -> None:
    def stop(stage: str, fraction: float, message: str = "") -> None:
        if "frame" in message:
            raise CancelledError

    path = path_of(scene_of(around(np.arange(0, 360, 30)), blob()), UP.tolist())
    with pytest.raises(CancelledError):
        render_previews(cube(), path, tmp_path, SMALL, stop)
    assert not list(tmp_path.glob("*.mp4"))
    with pytest.raises(NothingToShowError):
        render_previews(random_gaussians(0), path, tmp_path, SMALL)
    for settings in ({"count": 0}, {"size": 511}, {"film_size": 8}, {"frames": 10**6}, {"fps": 0}):
        with pytest.raises(BadPreviewError):
            PreviewSettings(**settings)
