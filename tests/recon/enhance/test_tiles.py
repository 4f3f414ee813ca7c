"""Tiles cover every pixel, and join without a trace."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from tests.recon.enhance.conftest import drawing

from maquette.recon.enhance.nearness import nearness
from maquette.recon.enhance.tiles import enlarged, plan_tiles, through_tiles


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 64), (61, 97), (300, 71), (129, 1000)])
def test_tiles_cover_the_view_and_overlap(size: tuple[int, int]) -> None:
    seen = np.zeros(size, int)
    tiles = plan_tiles(*size, 64)
    for tile in tiles:
        seen[tile.rows, tile.columns] += 1
        assert tile.rows.stop <= size[0] and tile.columns.stop <= size[1]
        assert seen[tile.rows, tile.columns].shape == (min(64, size[0]), min(64, size[1]))
    assert seen.min() == 1
    starts = sorted({tile.columns.start for tile in tiles})
    assert all(after - before <= 56 for before, after in pairwise(starts))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (61, 97), (150, 64)])
def test_a_model_that_changes_nothing_gives_the_view_back(size: tuple[int, int]) -> None:
    view, other = drawing(*size), drawing(*size, seed=1)
    asked: list[tuple[int, ...]] = []

    def same(index: int, planes: Sequence[np.ndarray]) -> np.ndarray:
        asked.append(planes[0].shape)
        assert planes[1].shape == planes[0].shape
        return planes[0].astype(np.float32) / 255

    result = through_tiles(view, [other], 64, 8, same)
    assert np.abs(result * 255 - view).max() < 1e-3
    assert all(height % 8 == 0 and width % 8 == 0 and min(height, width) >= 64 for height, width, _ in asked)


def test_small_views_are_enlarged_and_large_ones_left() -> None:
    assert enlarged(drawing(61, 97), 768).shape == (483, 768, 3)
    assert enlarged(drawing(61, 97), 97).shape == (61, 97, 3)
    assert enlarged(drawing(61, 97), 0).shape == (61, 97, 3)


def test_near_is_bright_and_nothing_is_black() -> None:
    depth = np.tile(np.linspace(1, 4, 100, dtype=np.float32), (20, 1))
    depth[0, :3] = (0, np.nan, np.inf)
    levels = nearness(depth)[..., 0]
    assert (levels[0, :3] == 0).all() and levels[1:].min() >= 1
    assert (np.diff(levels[1].astype(int)) <= 0).all() and levels[1, 0] == 255 and levels[1, -1] == 1
    # Linear in 1/z: halfway in inverse depth between 1 and 4 is 1.6.
    assert int(levels[1, 20]) == pytest.approx(128, abs=6)
    assert not nearness(np.zeros((4, 5), np.float32)).any()
    assert (nearness(np.full((4, 5), 2, np.float32)) == 1).all()
