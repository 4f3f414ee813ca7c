"""Multi-view diffusion pipelines on this machine: loaded from their folder, asked once, their answer cut into views.

A model's own code runs only where a setting allows it, and only as it was pulled at its pinned revision
(:func:`maquette.recon.enhance.diffusion.check_code`).
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maquette.errors import MaquetteError
from maquette.progress import Progress, silent
from maquette.recon.enhance import diffusion
from maquette.recon.enhance.errors import BrokenModelError, ModelCodeRefusedError
from maquette.recon.enhance.method import Device
from maquette.recon.single.errors import ViewsExtraMissingError, ViewsFailedError, ViewsMemoryError
from maquette.recon.single.view_models import KNOWN, ViewModel, described
from maquette.recon.weights import LocalModel, Weights

_CODE = "pipeline.py"


def view_model_problem(name: str, weights: Weights) -> MaquetteError | None:
    """Why the view model cannot be used, or None where it can; nothing heavy is imported."""
    missing = next((one for one in diffusion.PACKAGES if importlib.util.find_spec(one) is None), None)
    if missing is not None:
        return ViewsExtraMissingError(missing)
    problem = weights.problem(name)
    if problem is not None:
        return problem
    model = weights[name]
    try:
        described(model)
    except MaquetteError as error:
        return error
    code = model.folder / _CODE
    if code.is_file():
        if not model.trusted_code:
            return ModelCodeRefusedError(name, "no setting allows it")
        missing = _missing_import(code)
        if missing is not None:
            return ViewsExtraMissingError(missing, in_extra=False)
    return None


@dataclass(frozen=True)
class ViewPipeline:
    """The loaded pipeline; call it with a square picture of the object."""

    pipeline: Any
    model: LocalModel
    made: ViewModel
    place: diffusion.Place

    @property
    def method(self) -> str:
        """Name and revision."""
        return f"{self.model.name}@{self.model.revision}"

    def __call__(
        self, square: UInt8[ndarray, "s s 3"], *, seed: int = 0, progress: Progress = silent
    ) -> list[UInt8[ndarray, "v v 3"]]:
        """The views, in the order of :meth:`ViewModel.cameras`; ``seed`` decides all chance.

        ``progress`` hears of the stage ``views`` and may cancel by raising. Raises :class:`ViewsFailedError` or
        :class:`ViewsMemoryError`.
        """
        import torch

        steps = max(1, int(self.made.arguments.get("num_inference_steps", 50)))

        def after_step(_: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            progress("views", min(1.0, (step + 1) / steps), self.model.name)
            return values

        asked: dict[str, Any] = {
            **self.made.arguments,
            # On the CPU whatever the device, so that a seed means the same noise everywhere.
            "generator": torch.Generator("cpu").manual_seed(seed),
            "output_type": "np",
            "callback_on_step_end": after_step,
        }
        devices = [torch.cuda.current_device()] if self.place.cuda else []
        # Zero123++ also draws noise for its input from torch's own generator.
        with torch.random.fork_rng(devices), _faults_named(self.place, self.model.name), torch.no_grad():
            torch.manual_seed(seed)
            answer = self.pipeline(Image.fromarray(square), **_taken(self.pipeline, asked))
        if not hasattr(answer, "images"):
            raise ViewsFailedError(self.model.name, f"it answered {type(answer).__name__}, not pictures")
        return self.made.cut(self.model.name, answer.images)


def _missing_import(code: Path) -> str | None:
    """A package that the model's code imports and that is not here (Zero123++ wants torchvision); not run for it."""
    try:
        tree = ast.parse(code.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None  # loading it says what is wrong
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            package = name.partition(".")[0]
            if importlib.util.find_spec(package) is None:
                return package
    return None


@contextmanager
def open_view_pipeline(name: str, weights: Weights, device: Device = "auto") -> Iterator[ViewPipeline]:
    """Load a view model from its folder, never from the network. Raises what :func:`view_model_problem` says."""
    problem = view_model_problem(name, weights)
    if problem is not None:
        raise problem
    model, made = weights[name], described(weights[name])
    diffusion.read_index(model)
    code = model.folder / _CODE
    if code.is_file():
        diffusion.check_code(model)
    elif name in KNOWN:
        raise BrokenModelError(model.name, model.folder, f"{_CODE}, the code of its pipeline, is missing")
    place = diffusion.choose_place(device)
    pipeline = diffusion.load(model, lambda: _pipeline(model, place))
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(place.device)
    yield ViewPipeline(pipeline, model, made, place)


def _pipeline(model: LocalModel, place: diffusion.Place) -> Any:
    from diffusers import DiffusionPipeline

    with TemporaryDirectory() as work:
        options: dict[str, Any] = {}
        if (model.folder / _CODE).is_file():
            options = {"custom_pipeline": str(_own_name(model, Path(work))), "trust_remote_code": True}
        pipeline = DiffusionPipeline.from_pretrained(
            model.folder,
            local_files_only=True,
            use_safetensors=True,
            variant=diffusion.variant(model.folder),
            dtype=place.dtype,
            **options,
        )
    if model.name in KNOWN and getattr(pipeline, "scheduler", None) is not None:
        from diffusers import EulerAncestralDiscreteScheduler

        # As its authors ask: few steps, the last of them at the lowest noise.
        pipeline.scheduler = EulerAncestralDiscreteScheduler.from_config(
            pipeline.scheduler.config, timestep_spacing="trailing"
        )
    return pipeline


def _own_name(model: LocalModel, work: Path) -> Path:
    """A copy of the code that is called like no other: diffusers keeps all in one folder, by the file's name alone."""
    code = (model.folder / _CODE).read_bytes()
    copy = work / f"pipeline_{sha256(code).hexdigest()[:16]}.py"
    copy.write_bytes(code)
    return copy


def _taken(pipeline: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Of what we would say, what this pipeline takes; all of it where it hands the rest on."""
    parameters = inspect.signature(type(pipeline).__call__).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
        return asked
    return {name: value for name, value in asked.items() if name in parameters}


@contextmanager
def _faults_named(place: diffusion.Place, name: str) -> Iterator[None]:
    """What a pipeline raises, in one error; that a listener cancelled goes through."""
    try:
        yield
    except MemoryError as error:
        raise ViewsMemoryError(place.device, name) from error
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        if diffusion.out_of_memory(error):
            raise ViewsMemoryError(place.device, name) from error
        words = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ViewsFailedError(name, f"its pipeline says '{words[:200]}'") from error
