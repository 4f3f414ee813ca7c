"""Networks of every kind are opened and run in one place, and what stands in the way is named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import helper
from tests.recon.background.networks import save_finder
from tests.recon.depth.networks import save, weighing

from maquette.recon.background.network import BackgroundNetwork
from maquette.recon.depth.network import Network
from maquette.recon.onnx import OnnxError, OnnxRuntimeMissingError, first_output, open_session


def test_without_onnxruntime_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weighing(tmp_path / "m.onnx", (1.0, 1.0, 1.0))
    model = save_finder(tmp_path, "u2net", 320, (1.0, 1.0, 1.0))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for open_one in (lambda: Network(tmp_path / "m.onnx", "m"), lambda: BackgroundNetwork(model)):
        with pytest.raises(OnnxRuntimeMissingError, match="onnxruntime") as caught:
            open_one()
        assert "pip install onnxruntime" in caught.value.suggestion


def test_a_file_that_is_no_network_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x07 half a download")
    with pytest.raises(OnnxError) as caught:
        open_session(tmp_path / "m.onnx", threads=1)
    assert str(caught.value) and "\n" not in str(caught.value)


def test_what_does_not_fit_is_told_in_one_line(tmp_path: Path) -> None:
    session = open_session(save(tmp_path / "m.onnx", [helper.make_node("Relu", ["photo"], ["depth"])]), threads=1)
    assert (first_output(session, {"photo": np.full((1, 3, 16, 16), -1, np.float32)}) == 0).all()
    with pytest.raises(OnnxError) as caught:
        first_output(session, {"photo": np.zeros((2, 2), np.float32)})
    assert str(caught.value) and "\n" not in str(caught.value)


def test_memory_that_is_not_there_is_a_matter_of_the_machine(tmp_path: Path) -> None:
    nodes = [helper.make_node("Expand", ["photo", "shape"], ["depth"])]
    huge = {"shape": np.asarray([2**20, 3, 2**12, 2**12], np.int64)}
    session = open_session(save(tmp_path / "m.onnx", nodes, constants=huge), threads=1)
    with pytest.raises(MemoryError):
        first_output(session, {"photo": np.zeros((1, 3, 1, 1), np.float32)})
