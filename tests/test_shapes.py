"""What checks shapes does so in every test, however often a function was called before."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest

from maquette.recon.mesh.topology import areas
from tests.shapes import CALLS

VERTICES, FACES = np.eye(3), np.array([[0, 1, 2]], np.int32)


@pytest.mark.parametrize("time", range(2))
def test_a_wrong_shape_is_found_by_the_first_calls_of_each_test(time: int) -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        areas(VERTICES[:, :2], FACES)
    for _ in range(CALLS):
        assert areas(VERTICES, FACES) == pytest.approx([np.sqrt(3) / 2])
