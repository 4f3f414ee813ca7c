"""A camera search whose process dies, whatever became of its log."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from maquette.recon.sfm import SfmCrashedError, place_cameras
from maquette.recon.sfm.process import LOG_FILE
from maquette.recon.synthetic import make_capture


def test_how_it_ended_is_told_though_its_log_is_gone(tmp_path: Path) -> None:
    make_capture(tmp_path / "images", views=4, width=160, height=120)

    def remove_and_kill(stage: str, fraction: float, message: str = "") -> None:
        for log in tmp_path.rglob(LOG_FILE):
            log.unlink()
        for process in Path("/proc").glob("[0-9]*"):
            command = (process / "cmdline").read_bytes() if process.exists() else b""
            if b"maquette.recon.sfm.child" in command and str(tmp_path).encode() in command:
                os.kill(int(process.name), signal.SIGABRT)

    with pytest.raises(SfmCrashedError) as crashed:
        place_cameras(tmp_path / "images", tmp_path / "work", progress=remove_and_kill)
    assert crashed.value.details == {"how": "SIGABRT", "log_tail": ""}
