"""Cameras around an object, told as azimuth and elevation."""

from __future__ import annotations

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.viewpoints import look_at


def ring_camera(
    azimuth_deg: float, elevation_deg: float, distance: float, vertical_fov_deg: float, width: int, height: int
) -> Camera:
    """A camera that looks at the origin, the object's middle, from ``distance`` world units; the world's y points down.

    At azimuth and elevation 0 its axes are the world's: it stands at -z.
    Azimuth is counted from the input camera to its right (counter-clockwise seen from above), elevation upwards.
    """
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    level = distance * float(np.cos(elevation))
    position = (level * np.sin(azimuth), -distance * np.sin(elevation), -level * np.cos(azimuth))
    return look_at(position, (0.0, 0.0, 0.0), vertical_fov_deg=vertical_fov_deg, width=width, height=height)
