"""The depth network that this machine lets a step use, opened."""

from __future__ import annotations

from maquette.models.registry import find_model
from maquette.recon.depth.estimator import DepthEstimator, best_depth_model
from maquette.steps.folder import Folder


def open_depth_network(folder: Folder) -> DepthEstimator | None:
    """The best depth network that is installed and allowed; None where there is none.

    One that is there and broken raises (``depth_model_broken``, ``onnxruntime_missing``): nothing stands in for it in
    silence.
    """
    model = best_depth_model(folder.weights())
    if model is None:
        return None
    file = find_model(model.name).main_file
    if file is None:
        raise RuntimeError(f"the registry names no file of the depth network {model.name}")
    return DepthEstimator(model, file)
