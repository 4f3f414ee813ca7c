"""What every diffusion method needs: the extra, a device, a folder that is whole, and a picture that is one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.enhance.errors import (
    BrokenModelError,
    DeviceMemoryError,
    DeviceUnavailableError,
    DiffusionExtraMissingError,
    EnhancementFailedError,
    ModelCodeRefusedError,
)
from maquette.recon.enhance.method import Device
from maquette.recon.weights import LocalModel

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "diffusers", "transformers", "accelerate")
_NO_WEIGHTS = ("scheduler", "feature_extractor", "image_processor")

_REFUSALS = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ImportError, SyntaxError)
"""What the libraries raise for folders that do not hold what they should; the last two come from a model's code."""

Loaded = TypeVar("Loaded")


def extra_problem() -> DiffusionExtraMissingError | None:
    """The first package of the extra ``[diffusion]`` that is missing; importing none of them."""
    missing = next((name for name in PACKAGES if importlib.util.find_spec(name) is None), None)
    return DiffusionExtraMissingError(missing) if missing else None


@dataclass(frozen=True)
class Place:
    """Where a pipeline runs, and in which precision: half on CUDA, single on the CPU, which is slower in half."""

    device: str
    dtype: torch.dtype

    @property
    def cuda(self) -> bool:
        """Whether it is an NVIDIA GPU."""
        return self.device.startswith("cuda")


def choose_place(wanted: Device) -> Place:
    """``auto`` takes the GPU where torch sees one. Raises :class:`DeviceUnavailableError` for ``cuda`` without."""
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise DeviceUnavailableError(
            "torch finds no NVIDIA GPU on this machine.", suggestion="Use the device 'cpu' or 'auto'."
        )
    if wanted == "cpu" or not there:
        return Place("cpu", torch.float32)
    return Place("cuda", torch.float16)


def read_index(model: LocalModel) -> dict[str, Any]:
    """The pipeline's ``model_index.json``, once every part that it names is there with its weights.

    Raises :class:`BrokenModelError`, which names what is missing: diffusers' own words for it are about the network.
    """
    index = _read_json(model, model.folder / "model_index.json")
    for part, described in index.items():
        # A part is a library and a class in it; other lists are numbers of the pipeline's own configuration.
        if part.startswith("_") or not (isinstance(described, list) and _is_part(described)):
            continue
        folder = model.folder / part
        if not folder.is_dir():
            raise _broken(model, f"the folder {part} is missing")
        if part.startswith("tokenizer"):
            _check_tokenizer(model, folder)
        elif not part.startswith(_NO_WEIGHTS):
            check_part(model, folder)
    return index


def check_part(model: LocalModel, folder: Path) -> None:
    """One network's folder: a configuration, and weights in safetensors, which cannot hold code as pickles can."""
    where = "" if folder == model.folder else f" in {folder.relative_to(model.folder)}"
    _read_json(model, folder / "config.json")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _broken(model, f"no weights (*.safetensors){where}")
    from safetensors import SafetensorError, safe_open

    for path in files:
        try:
            with safe_open(path, framework="np"):  # its header, which says how long the file must be
                pass
        except (SafetensorError, OSError) as error:
            name = path.relative_to(model.folder).as_posix()
            raise _broken(model, f"{name} is damaged ({_first_line(error)})") from error


def variant(folder: Path) -> str | None:
    """``fp16`` where the weights lie in files of half precision only, as ``maquette models pull`` leaves them."""
    names = [path.name for path in folder.rglob("*.safetensors")]
    return "fp16" if names and all(".fp16." in name for name in names) else None


def check_code(model: LocalModel) -> None:
    """Raise :class:`ModelCodeRefusedError` unless every Python file is one that was pulled at a pinned revision.

    The digests are compared each time: what was allowed is this code, and no other that somebody put there since.
    """
    if not model.trusted_code:
        raise ModelCodeRefusedError(model.name, "no setting allows it")
    for path in sorted(model.folder.rglob("*.py")):
        name = path.relative_to(model.folder).as_posix()
        if model.trusted_code.get(name) != sha256(path.read_bytes()).hexdigest():
            raise ModelCodeRefusedError(model.name, f"{name} is not as it was when it was pulled")


def load(model: LocalModel, loading: Callable[[], Loaded]) -> Loaded:
    """What ``loading`` loads; whatever diffusers and transformers raise for a bad folder, in one error."""
    _quieten()
    try:
        return loading()
    except _REFUSALS as error:
        if out_of_memory(error):
            raise
        raise _broken(model, _first_line(error)) from error


@contextmanager
def memory_named(place: Place, tile_px: int) -> Iterator[None]:
    """An error that says what to do where the device runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or out_of_memory(error)):
            raise
        raise DeviceMemoryError(place.device, tile_px) from error


def whole_picture(answer: Any, name: str, size: tuple[int, int]) -> Float32[ndarray, "h w 3"]:
    """A pipeline's first picture, values 0 to 1, checked: half precision can overflow to a picture of NaN."""
    picture = np.asarray(answer.images[0], dtype=np.float32)
    if picture.shape != (*size, 3):
        raise EnhancementFailedError(
            f"The model '{name}' answered {'x'.join(map(str, picture.shape))} instead of {size[0]}x{size[1]}x3.",
            suggestion="Its pipeline is of another kind than this method drives; use another method.",
        )
    if not np.isfinite(picture).all():
        raise EnhancementFailedError(
            f"The model '{name}' answered a picture with undefined values.",
            suggestion=f"Check its files with `maquette models verify {name}`, or run it on the CPU.",
        )
    return picture


def _is_part(described: list[Any]) -> bool:
    return len(described) == 2 and all(isinstance(word, str) for word in described)


def _check_tokenizer(model: LocalModel, folder: Path) -> None:
    # transformers 5 makes an empty tokenizer of a folder without words: every prompt would mean the same.
    if not ((folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file()):
        raise _broken(model, f"the words of {folder.name} are missing (vocab.json or tokenizer.json)")


def _quieten() -> None:
    """Keep the libraries' own bars and advice to programmers off the terminal; what fails is raised."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _read_json(model: LocalModel, path: Path) -> dict[str, Any]:
    name = path.relative_to(model.folder).as_posix()
    try:
        described = json.loads(path.read_text())
    except FileNotFoundError:
        raise _broken(model, f"{name} is missing") from None
    except (OSError, ValueError) as error:
        raise _broken(model, f"{name} cannot be read") from error
    if not isinstance(described, dict):
        raise _broken(model, f"{name} describes nothing")
    return described


def _broken(model: LocalModel, reason: str) -> BrokenModelError:
    # What the libraries say may name the folder, which is the machine owner's business.
    return BrokenModelError(model.name, model.folder, reason.replace(str(model.folder), "its folder").rstrip("."))


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def out_of_memory(error: Exception) -> bool:
    """Whether ``error`` says that the device has no memory left."""
    # torch's own class of it is a RuntimeError; on the CPU it is a plain one with these words.
    return type(error).__name__ == "OutOfMemoryError" or "not enough memory" in str(error)
