"""Depth of each view: stored to be measured, coloured to be looked at."""

from __future__ import annotations

from maquette.recon.depth.maps import BadDepthMapError, DepthMapRecord, read_depth_map, write_depth_map

__all__ = ["BadDepthMapError", "DepthMapRecord", "read_depth_map", "write_depth_map"]
