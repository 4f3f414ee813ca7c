"""The capture doctor: what is wrong with a set of photos as a set, and what to photograph next.

:func:`judge_set` looks at the photos alone, before any heavy work; :func:`judge_placed` at the cameras, once they are
placed, and :func:`advise` at each photo among them.
"""

from maquette.recon.doctor.after import PhotoAdvice, advise, judge_placed
from maquette.recon.doctor.before import judge_set
from maquette.recon.doctor.coverage import Coverage, measure_coverage
from maquette.recon.doctor.verdict import SetVerdict

__all__ = ["Coverage", "PhotoAdvice", "SetVerdict", "advise", "judge_placed", "judge_set", "measure_coverage"]
