"""Six views and six depth renders of one object on the orthogonal rig: read, solved, trained on and measured."""

from maquette.recon.rig.measuring import DEFINITION, SPLIT, SideMetric, measure_rig
from maquette.recon.rig.presets import rig_settings
from maquette.recon.rig.reading import NamedFile, RigView, read_rig
from maquette.recon.rig.rig import Rig, RigSide, RigWarning, solve_rig
from maquette.recon.rig.scene import RigScene, write_scene
from maquette.recon.rig.sides import SIDES, Side
from maquette.recon.rig.training import train_rig

__all__ = [
    "DEFINITION",
    "SIDES",
    "SPLIT",
    "NamedFile",
    "Rig",
    "RigScene",
    "RigSide",
    "RigView",
    "RigWarning",
    "Side",
    "SideMetric",
    "measure_rig",
    "read_rig",
    "rig_settings",
    "solve_rig",
    "train_rig",
    "write_scene",
]
