"""The photos of the ready sample: always the same for a seed, and of what they should be of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maquette.recon.synthetic.still_life.paints import Paint
from maquette.recon.synthetic.still_life.solids import still_life

# Without compiling, which takes longer than these few rays do.
LOOK = """
import sys
import numpy as np
from maquette.recon.cameras import Camera
from maquette.recon.synthetic.orbit import look_at
from maquette.recon.synthetic.still_life import photograph_still_life
pose = look_at(np.array([0.0, -3.0, 4.2]), np.array([0.0, 0.0, 0.2]), np.array([0.0, 0.0, 1.0]))
camera = Camera(20, 15, 16.0, 16.0, 10.0, 7.5, pose)
np.savez(sys.argv[1], *(photograph_still_life(camera, seed, samples=1) for seed in (0, 0, 1)))
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    path = tmp_path_factory.mktemp("still_life") / "pictures.npz"
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(__file__).parents[2] / "backend")}
    subprocess.run([sys.executable, "-c", LOOK, str(path)], env=plain, check=True, timeout=120)
    with np.load(path) as file:
        return [file[name] for name in file.files]


def test_a_seed_decides_the_paint_and_nothing_else_does(pictures: list[np.ndarray]) -> None:
    first, again, other = pictures
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_table_stands_lit_before_a_plain_floor(pictures: list[np.ndarray]) -> None:
    picture = pictures[0].astype(float)
    corner, middle = picture[:2, :3].reshape(-1, 3), picture[4:12, 5:15].reshape(-1, 3)
    assert np.ptp(corner, axis=1).max() < 40, "the floor is grey"
    assert np.ptp(middle, axis=1).max() > 100, "there are strong colours on the table"
    assert middle.std() > 2 * corner.std()
    assert 60 < picture.mean() < 200 and (picture == 255).mean() < 0.02, "well exposed"


def test_every_solid_stands_on_something() -> None:
    life = still_life()
    assert set(life.solids[:, 1].astype(int)) == set(Paint)
    turns = life.solids[:, 6:15].reshape(-1, 3, 3)
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12)
    for solid in life.solids[life.solids[:, 0] == 1]:
        drawn = life.profile[int(solid[15]) : int(solid[16])]
        assert len(drawn) >= 2 and (drawn[:, 0] >= 0).all()
        assert np.hypot(*drawn.T).max() + solid[17] <= solid[2] + 1e-9, "its ball holds all of it"
