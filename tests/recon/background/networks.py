"""Tiny ONNX files with the shapes of real background networks, made from a rule instead of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from maquette.recon.weights import LocalModel

REVISION = "rembg release v0.0.0"


def save_finder(
    folder: Path, name: str, side: int, sees: tuple[float, float, float], *, logits: bool = False
) -> LocalModel:
    """Says 1 where its input is ``sees`` within 0.004 in every channel, so only where a photo came as it wants it.

    As U²-Net does, it has further outputs behind the one that counts.
    """
    want = np.asarray(sees, np.float32).reshape(1, 3, 1, 1)
    nodes = [
        helper.make_node("Sub", ["photo", "want"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("ReduceMax", ["far"], ["farthest"], axes=[1], keepdims=1),
        helper.make_node("Less", ["farthest", "limit"], ["found"]),
        helper.make_node("Cast", ["found"], ["one"], to=TensorProto.FLOAT),
    ]
    if logits:
        nodes += [
            helper.make_node("Sub", ["one", "half"], ["signed"]),
            helper.make_node("Mul", ["signed", "many"], ["mask"]),
        ]
    else:
        nodes += [helper.make_node("Identity", ["one"], ["mask"])]
    nodes += [helper.make_node("Sub", ["mask", "mask"], ["side_mask"])]
    constants = {"want": want, "limit": np.float32(0.004), "half": np.float32(0.5), "many": np.float32(40)}
    return save(folder, name, nodes, constants, [1, 3, side, side])


def save(
    folder: Path, name: str, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], shape: list[int]
) -> LocalModel:
    """A folder as a pull leaves it; the photo is ``photo``, the answers ``mask`` and ``side_mask``."""
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for one in ("mask", "side_mask")],
        [onnx.numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    return LocalModel(name, folder, REVISION, "none: made by a test")
