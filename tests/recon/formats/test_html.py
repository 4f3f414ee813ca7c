"""The page: its words, its frame, and what a browser shows of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tests.recon.formats.browser import chromium
from tests.recon.formats.samples import random_gaussians

from maquette.recon.cameras import Camera
from maquette.recon.formats import html
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import rasterize

BACKGROUND = np.array([22, 24, 29]) / 255
SIZE = 320


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_words_are_words_and_nothing_else(tmp_path: Path) -> None:
    """A project may be called anything."""
    hostile = {"project": '</title><script>alert("1")</script>%%MODEL%%', "a\nb": "é\x00☺", "version": "3"}
    html.write(random_gaussians(5), tmp_path / "model.html", provenance=hostile)
    page = (tmp_path / "model.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    said = {a["name"]: a["content"] for tag, a in tags.found if tag == "meta" and "name" in a}
    assert said["maquette:project"] == hostile["project"]
    assert said["maquette:a b"] == "é ☺"
    assert [tag for tag, _ in tags.found].count("script") == 6
    assert "<title>&lt;/title&gt;" in page
    assert len(html.read(tmp_path / "model.html")) == 5


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    html.write(random_gaussians(5), tmp_path / "model.html", provenance={})
    page = (tmp_path / "model.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.findall(r"https?:|//[a-z]+\.|src=|@import|url\(|fetch\(|import\(", page)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.html"
    html.write(random_gaussians(5), path, provenance={})
    path.write_bytes(path.read_bytes().replace(b'text/plain">H4sI', b'text/plain">H4*I'))
    with pytest.raises(BadModelFileError, match="damaged"):
        html.read(path)


def posts() -> Gaussians:
    """Upright on the ground, y up: a red ball on top, a green one to the right, a blue one in front, bluish from the
    side; and a far floater that must not count for the start.
    """
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0.8, 0], [0.8, 0, 0], [0, -0.1, 0.6], [-0.5, -0.4, -0.5]])
    paints = np.array([[1.5, -1.5, -1.5], [-1.5, 1.5, -1.5], [-1.5, -1.5, 1.5], [1.2, 1.2, 1.0]])
    which = rng.integers(0, 4, 400)
    quaternions = rng.normal(size=(400, 4))
    sh = rng.normal(0, 0.1, (400, 16, 3))
    sh[:, 0] = paints[which]
    means = centres[which] + rng.normal(0, 0.12, (400, 3))
    means[0] = (900, 0, 0)
    return Gaussians(
        means=means.astype(np.float32),
        log_scales=rng.normal(-3, 0.5, (400, 3)).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacity_logits=rng.normal(1.5, 1, 400).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def test_a_browser_shows_the_model_as_our_rasteriser_does(tmp_path: Path) -> None:
    """In view, upright, and pixel by pixel; then turned by the keyboard."""
    path = tmp_path / "model.html"
    html.write(posts(), path, provenance={"project": "posts"})
    model = html.read(path)
    with chromium() as page:
        page.open(path, SIZE, SIZE)
        assert page.value("document.documentElement.dataset.state") == "shown", page.complaints
        page.ask("Runtime.evaluate", expression="document.getElementById('words').hidden = true")
        first = page.picture() / 255
        page.value("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}))")
        page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        turned = page.picture() / 255
        assert not page.complaints
    for picture, yaw in ((first, 0.0), (turned, -0.1)):
        psnr = -10 * np.log10(np.mean((picture - expected(model, path, yaw)) ** 2))
        assert psnr > 33, (yaw, psnr)
    red, green = (first[..., c] - first.mean(axis=2) for c in (0, 1))
    assert np.argwhere(red > 0.3)[:, 0].mean() < SIZE / 2  # red above
    assert np.argwhere(green > 0.3)[:, 1].mean() > SIZE / 2  # green on the right


def expected(model: Gaussians, path: Path, yaw: float) -> np.ndarray:
    """What a camera at the page's start, turned by ``yaw``, sees by our rasteriser, over the page's background."""
    start = html._start(posts())
    target, distance, pitch = np.array(start["target"]), float(str(start["distance"])), float(str(start["pitch"]))
    forward = -np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0, -np.sin(yaw)])
    rotation = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ (target - distance * forward)
    focal = 0.5 * SIZE / np.tan(np.pi / 8)
    camera = Camera(SIZE, SIZE, focal, focal, SIZE / 2, SIZE / 2, pose)
    seen = rasterize(model, camera, outputs=("image", "alpha"))
    return np.clip(seen.image + (1 - seen.alpha[..., None]) * BACKGROUND, 0, 1)


def test_without_webgl_the_page_says_so(tmp_path: Path) -> None:
    html.write(posts(), tmp_path / "model.html", provenance={})
    with chromium("--disable-3d-apis") as page:
        page.open(tmp_path / "model.html", SIZE, SIZE)
        assert page.value("document.documentElement.dataset.state") == "failed"
        assert "WebGL 2" in page.value("document.getElementById('message').innerText")
