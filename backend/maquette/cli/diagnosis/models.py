"""Weights of neural models that are configured and cannot be used."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from maquette.db.findings import Finding
from maquette.models.installed import Installed, look
from maquette.models.registry import MODELS
from maquette.settings import Settings

PACKAGES = {
    "diffusers": (("torch", "diffusers", "transformers"), "pip install 'maquette[diffusion]'"),
    "torch": (("torch",), "pip install 'maquette[diffusion]'"),
    "onnx": (("onnxruntime",), "pip install onnxruntime, or 'maquette[cuda]' with a GPU"),
}
"""By kind of model: what loads it, and how to get that."""


def look_at_models(settings: Settings) -> Iterator[Finding]:
    """Only models that somebody put here or set: every step works without any."""
    folder = settings.models_folder
    if settings.models_dir is not None and not folder.is_dir():
        yield Finding("models", "failure", f"MAQUETTE_MODELS_DIR={folder} is no folder", "Make it, or unset it.")
        return
    if unknown := sorted(set(settings.trust_model_code) - {entry.name for entry in MODELS}):
        names = ", ".join(entry.name for entry in MODELS if entry.brings_code)
        wrong = f"MAQUETTE_TRUST_MODEL_CODE names no model of ours: {', '.join(unknown)}"
        yield Finding("models", "failure", wrong, f"Models that bring code: {names}.")
    here = [found for entry in MODELS if (found := look(entry, folder)).state != "absent"]
    if not here:
        yield Finding("models", "ok", "none here; every step works without any")
    for found in here:
        yield _judge(found, settings)


def _judge(found: Installed, settings: Settings) -> Finding:
    entry = found.entry
    what, pull = f"model {entry.name}", f"maquette models pull {entry.name}"
    if found.state == "broken":
        return Finding(what, "failure", "its manifest cannot be read", f"Remove {found.folder} and run `{pull}`.")
    if found.state == "partial":
        return Finding(what, "warning", "it was not fetched to its end and is not used", f"Run `{pull}` again.")
    if lost := _lost(found):
        return Finding(what, "failure", f"files are missing or cut short: {', '.join(lost[:5])}", f"Run `{pull}`.")
    if not entry.commercial and not settings.allow_noncommercial_models:
        return Finding(
            what,
            "warning",
            f"not used: {entry.licence} forbids commercial use",
            "Set MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS=true where your use is none, or remove it.",
        )
    needed, how = PACKAGES[entry.kind]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        return Finding(what, "failure", f"it needs {' and '.join(missing)}, not installed", f"{how}.")
    if found.state == "outdated":
        return Finding(what, "warning", "here, of another revision than this Maquette knows", f"Run `{pull}`.")
    return Finding(what, "ok", "here" if found.state == "pulled" else "here (put there by you)")


def _lost(found: Installed) -> list[str]:
    """Files that a pull brought and that are gone or of another size. Checksums are `maquette models verify`'s."""
    files = found.manifest.files if found.manifest else {}
    return [path for path, file in files.items() if not _whole(found, path, file.bytes)]


def _whole(found: Installed, path: str, size: int) -> bool:
    try:
        return (found.folder / path).stat().st_size == size
    except OSError:
        return False
