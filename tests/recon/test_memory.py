"""The estimate that refuses a run beforehand, against the memory that a run takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.memory import available_bytes, training_bytes
from maquette.recon.scene import Scene, View
from maquette.recon.train_settings import TrainSettings

HEIGHT, WIDTH, VIEWS, GAUSSIANS = 270, 480, 4, 150_000
SETTINGS = TrainSettings(
    iterations=7,
    max_gaussians=GAUSSIANS,
    densify_every=4,
    densify_from=0.0,
    densify_threshold=1e-9,
    sh_every=0.0,
    coarse_levels=0,
)


def scene(folder: Path) -> Scene:
    """Nine tenths of the Gaussians to begin with, so that the first densification fills up to the cap."""
    rng = np.random.default_rng(0)
    camera = Camera(WIDTH, HEIGHT, 430.0, 430.0, WIDTH / 2, HEIGHT / 2, np.eye(4))
    views = []
    for index in range(VIEWS):
        path = folder / f"{index}.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        views.append(View(path.name, camera, path))
    count = GAUSSIANS * 9 // 10
    points = rng.uniform([-1.1, -0.6, 2.0], [1.1, 0.6, 3.0], (count, 3))
    return Scene(tuple(views), points, np.full((count, 3), 128, np.uint8))


RUN = """
import sys
from pathlib import Path
from maquette.recon.train import train
sys.path.insert(0, {here!r})
from test_memory import SETTINGS, scene
for step in train(scene(Path(sys.argv[1])), SETTINGS):
    count = step.gaussian_count
lines = Path("/proc/self/status").read_text().splitlines()
print(count, next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")))
"""


def test_the_estimate_is_within_a_fifth_of_a_runs_peak(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell a process's peak memory")
    code = RUN.format(here=str(Path(__file__).parent))
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    count, peak = (int(word) for word in said.stdout.split())
    assert count == GAUSSIANS
    assert training_bytes(scene(tmp_path), SETTINGS, VIEWS) == pytest.approx(peak, rel=0.2)


def test_the_machine_tells_what_is_free() -> None:
    available = available_bytes()
    assert available is None or 0 < available < 2**50
