"""The estimate that refuses a run beforehand, against the memory that a run takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.control_groups import group_left
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


def test_a_limit_of_the_address_space_counts() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell how much a process has mapped")
    code = (
        "import resource; from maquette.recon.memory import available_bytes; "
        "resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30)); print(available_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 0 < int(said.stdout) < 3 * 2**30


def test_a_control_group_leaves_what_files_only_borrow(tmp_path: Path) -> None:
    """The kernel's own files, here in a folder: 100 taken of 300, 40 of them a cache that can be dropped."""
    (tmp_path / "memory.max").write_text("300\n")
    (tmp_path / "memory.current").write_text("100\n")
    (tmp_path / "memory.stat").write_text("anon 60\ninactive_anon 7\ninactive_file 40\nactive_file 0\n")
    assert group_left(tmp_path, "memory.max", "memory.current") == 240
    (tmp_path / "memory.max").write_text("max\n")
    assert group_left(tmp_path, "memory.max", "memory.current") is None
    assert group_left(tmp_path / "none", "memory.max", "memory.current") is None
