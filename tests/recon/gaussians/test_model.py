"""The model's arrays, whatever memory they come in."""

from __future__ import annotations

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import rasterize
from maquette.recon.synthetic.orbit import look_at


def test_arrays_in_column_order_render_as_those_in_row_order() -> None:
    rng = np.random.default_rng(3)
    rows = {
        "means": rng.normal(0, 0.3, (60, 3)),
        "log_scales": rng.normal(-2.5, 0.4, (60, 3)),
        "quaternions": rng.normal(0, 1, (60, 4)),
        "opacity_logits": rng.normal(1, 1, 60),
        "sh": rng.normal(0, 0.4, (60, 4, 3)),
    }
    camera = Camera(
        48, 40, 50.0, 50.0, 24.0, 20.0, look_at(np.array([0.0, 0, -2]), np.zeros(3), np.array([0.0, -1, 0]))
    )
    plain = Gaussians(**{name: values.astype(np.float32) for name, values in rows.items()})
    columns = Gaussians(**{name: np.asfortranarray(values.astype(np.float32)) for name, values in rows.items()})
    assert np.array_equal(rasterize(plain, camera).image, rasterize(columns, camera).image)
    assert columns.quaternions.flags.c_contiguous
