"""One photo in: its verdict, and views of what it shows as a scene, made up by a model or honest and few."""

from __future__ import annotations

from maquette.recon.single.result import Angle, SingleViews
from maquette.recon.single.validate import SingleVerdict, judge_single
from maquette.recon.single.views import MOST_VIEWS, WANTED_VIEWS, make_views

__all__ = ["MOST_VIEWS", "WANTED_VIEWS", "Angle", "SingleVerdict", "SingleViews", "judge_single", "make_views"]
