"""The child process: ``python -m maquette.recon.sfm.child JOB REQUEST.json PIPE_FD``.

Sends ``{"stage", "fraction", "message"}`` lines and, last, ``{"answer": …}``. Dies when its parent dies.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maquette.lifeline import die_with_parent

Report = Callable[[str, float, str], None]

Job = Callable[[dict[str, Any], Report], dict[str, Any]]
"""What this process can do: a request in, an answer out, both plain JSON."""


class RefusedError(Exception):
    """The input cannot be used; told to the parent by code."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def find_job(name: str) -> Job:
    """The job of that name. Imported here, because each brings native libraries with it."""
    if name == "place":
        from maquette.recon.sfm.job_place import place

        return place
    if name == "place_one":
        from maquette.recon.sfm.job_place_one import place_one

        return place_one
    if name == "triangulate":
        from maquette.recon.sfm.job_triangulate import triangulate

        return triangulate
    if name == "read_colmap":
        from maquette.recon.sfm.job_read_colmap import read_colmap

        return read_colmap
    if name == "read_poses":
        from maquette.recon.sfm.job_read_poses import read_poses

        return read_poses
    if name == "known_poses":
        from maquette.recon.sfm.job_known_poses import place_known

        return place_known
    raise ValueError(f"unknown job '{name}'")


def main(job: str, request_file: str, pipe_fd: str) -> None:
    """Run one job and answer over the pipe."""
    die_with_parent()
    faulthandler.enable()
    with os.fdopen(int(pipe_fd), "w", buffering=1) as pipe:

        def report(stage: str, fraction: float, message: str = "") -> None:
            pipe.write(json.dumps({"stage": stage, "fraction": fraction, "message": message}) + "\n")

        request = json.loads(Path(request_file).read_text())
        try:
            answer = find_job(job)(request, report)
        except RefusedError as refusal:
            answer = {"refused": refusal.code, "details": refusal.details}
        pipe.write(json.dumps({"answer": answer}) + "\n")


if __name__ == "__main__":
    # Under -m this file is `__main__`; the jobs raise the class of the module of its own name.
    from maquette.recon.sfm import child

    child.main(*sys.argv[1:4])
