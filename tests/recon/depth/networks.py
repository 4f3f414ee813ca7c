"""Small ONNX networks, written by the tests, that answer a known function of what they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from maquette.recon.depth.families import IMAGENET_MEAN, IMAGENET_STD

SIDES = ("height", "width")


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    given: list[int | str | None] | None = None,
    kind: int = TensorProto.FLOAT,
    constants: dict[str, np.ndarray] | None = None,
    answers: tuple[str, ...] = ("rows", "columns", "depth"),
    more_inputs: tuple[str, ...] = (),
) -> Path:
    """A model of ``nodes`` from ``photo`` (of shape ``given``) to ``depth``."""
    shape = [1, 3, *SIDES] if given is None else given
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in ("photo", *more_inputs)]
    output = helper.make_tensor_value_info("depth", TensorProto.FLOAT, [*answers])
    kept = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "depth", inputs, [output], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def weighing(
    path: Path,
    weights: tuple[float, float, float],
    *,
    bias: float = 0.0,
    size: tuple[int | str | None, int | str | None] = SIDES,
    channel: bool = False,
    normalising: bool = False,
) -> Path:
    """``weights`` . (channels as given) + ``bias`` for each pixel: [1, h, w], or with ``channel`` [1, 1, h, w].

    ``normalising``: takes ImageNet's mean off by itself, as MiDaS's own export does.
    """
    constants = {
        "weights": np.asarray(weights, np.float32).reshape(1, 3, 1, 1),
        "bias": np.asarray([bias], np.float32),
    }
    nodes, last = [], "photo"
    if normalising:
        constants["mean"] = np.asarray(IMAGENET_MEAN, np.float32).reshape(1, 3, 1, 1)
        constants["deviation"] = np.asarray(IMAGENET_STD, np.float32).reshape(1, 3, 1, 1)
        nodes += [
            helper.make_node("Sub", [last, "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "deviation"], ["normal"]),
        ]
        last = "normal"
    nodes.append(helper.make_node("Conv", [last, "weights", "bias"], ["depth" if channel else "picture"]))
    if not channel:
        constants["axis"] = np.asarray([1], np.int64)
        nodes.append(helper.make_node("Squeeze", ["picture", "axis"], ["depth"]))
    answers = ("a", "b", "c", "d") if channel else ("a", "b", "c")
    return save(path, nodes, given=[1, 3, *size], constants=constants, answers=answers)
