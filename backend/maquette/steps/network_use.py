"""Opens the depth network for a step that can do without: what stands in its way is told, and the step goes on."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.models.registry import find_model
from maquette.recon.cuda import choose_backend
from maquette.recon.depth.errors import BrokenDepthModelError
from maquette.recon.depth.estimator import DepthEstimator, best_depth_model
from maquette.recon.depth.families import FAMILIES
from maquette.recon.digest import sha256_of
from maquette.recon.onnx import OnnxRuntimeMissingError, lists_cuda
from maquette.recon.weights import Weights
from maquette.steps.folder import Folder
from maquette.steps.records import Warn
from maquette.steps.sink import Sink


@dataclass(frozen=True, eq=False)
class UsedNetwork:
    """An open depth network; ``sha256`` of its file."""

    estimator: DepthEstimator
    sha256: str

    @property
    def name(self) -> str:
        """As the registry calls it."""
        return self.estimator.model.name


def use_network(folder: Folder, sink: Sink, *, otherwise: str) -> UsedNetwork | None:
    """The depth network, None where none is installed or the one that is cannot be loaded: that is told.

    ``otherwise``: what is done then, a sentence.
    """
    model = best_depth_model(folder.weights())
    if model is None:
        return None
    file = find_model(model.name).main_file
    if file is None:
        raise RuntimeError(f"the registry names no file of the depth network {model.name}")
    try:
        return UsedNetwork(DepthEstimator(model, file), sha256_of(model.folder / file))
    except (BrokenDepthModelError, OnnxRuntimeMissingError) as error:
        told = f"{error.message} {otherwise}"
        sink.warn(Warn(code=error.code, message=told, suggestion=error.suggestion, degraded=True))
        return None


def what_would_help(weights: Weights) -> str:
    """How to come by a depth network: what is in the way of one that lies here already, else which to pull."""
    problems = [weights.problems[name] for name in FAMILIES if name in weights.problems]
    if problems:
        return f"{problems[0].message} {problems[0].suggestion}"
    return f"`maquette models pull {next(iter(FAMILIES))}` brings one."


def tell_of_cpu(network: UsedNetwork, sink: Sink) -> None:
    """Warn where there is a GPU and the network runs beside it: the depths are the same, and take longer."""
    if network.estimator.network.provider == "cuda":
        return
    if lists_cuda():
        why, mend = "onnxruntime lists CUDA but could not start it", "Install the CUDA and cuDNN that it asks for."
    elif choose_backend() == "cuda":
        why = "the onnxruntime that is installed knows no CUDA"
        mend = "Replace the package onnxruntime by onnxruntime-gpu: `pip install 'maquette[cuda]'`."
    else:
        return
    sink.warn(Warn(code="depth_on_cpu", message=f"{network.name} runs on the CPU: {why}.", suggestion=mend))
