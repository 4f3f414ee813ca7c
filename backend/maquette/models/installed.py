"""What of the registry lies on this machine. Files only: nothing here uses the network."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maquette.errors import MaquetteError
from maquette.models.errors import BadManifestError, ModelLicenceRefusedError
from maquette.models.manifest import Manifest, read_manifest
from maquette.models.registry import MODELS, ModelEntry
from maquette.recon.weights import LocalModel, Weights

LOCAL = "local"
"""The revision of a folder that a user put there: nobody knows which it is."""

DESCRIPTION = "views.json"
"""What a multi-view pipeline of a user's own says of itself (:mod:`maquette.recon.single.view_models`)."""

State = Literal["absent", "partial", "pulled", "local", "outdated", "broken"]


@dataclass(frozen=True)
class Installed:
    """One model here: ``partial`` was not pulled to its end, ``local`` was put there by a user, ``outdated`` was
    pulled at another revision than the registry's, ``broken`` has an unreadable manifest."""

    entry: ModelEntry
    folder: Path
    state: State
    manifest: Manifest | None = None

    @property
    def usable(self) -> bool:
        """Whether a step may load it."""
        return self.state in ("pulled", "local", "outdated")


def partial_folder(models_dir: Path, name: str) -> Path:
    """Where a pull collects the files until all are there."""
    return models_dir / ".pulling" / name


def look(entry: ModelEntry, models_dir: Path) -> Installed:
    """What there is of one model."""
    folder = models_dir / entry.name
    if not folder.is_dir():
        partial = partial_folder(models_dir, entry.name)
        return Installed(entry, folder, "partial" if partial.is_dir() and any(partial.iterdir()) else "absent")
    try:
        manifest = read_manifest(folder)
    except BadManifestError:
        return Installed(entry, folder, "broken")
    if manifest is None:
        return Installed(entry, folder, "local" if any(folder.iterdir()) else "absent")
    return Installed(entry, folder, "pulled" if manifest.revision == entry.revision else "outdated", manifest)


def own_view_models(models_dir: Path) -> list[LocalModel]:
    """Multi-view pipelines that a user put there under names of their own, each with a ``views.json`` that says what
    it makes. Nobody but that user knows their licence, and code in them is never run.
    """
    known = {entry.name for entry in MODELS}
    if not models_dir.is_dir():
        return []
    return [
        LocalModel(folder.name, folder, LOCAL, "yours to know")
        for folder in sorted(models_dir.iterdir())
        if folder.name not in known and not folder.name.startswith(".") and (folder / DESCRIPTION).is_file()
    ]


def read_weights(models_dir: Path, *, allow_noncommercial: bool = False, trust_code: Collection[str] = ()) -> Weights:
    """What the steps may use, and what stands in the way of the rest.

    ``allow_noncommercial``: whether weights may be used whose licence forbids commercial use. ``trust_code``: names of
    models whose own Python code may run; of those only files that a pull listed are run, at the pinned revision.
    """
    models: dict[str, LocalModel] = {model.name: model for model in own_view_models(models_dir)}
    problems: dict[str, MaquetteError] = {}
    for entry in MODELS:
        found = look(entry, models_dir)
        if found.state == "broken":
            problems[entry.name] = BadManifestError(entry.name)
        if not found.usable:
            continue
        if not entry.commercial and not allow_noncommercial:
            problems[entry.name] = ModelLicenceRefusedError(entry.name, entry.licence)
            continue
        models[entry.name] = LocalModel(
            name=entry.name,
            folder=found.folder,
            revision=found.manifest.revision if found.manifest else LOCAL,
            licence=entry.licence,
            trusted_code=_code(found) if entry.name in trust_code else {},
        )
    return Weights(models, problems)


def _code(found: Installed) -> dict[str, str]:
    if found.state != "pulled" or found.manifest is None:
        return {}
    return {path: file.sha256 for path, file in found.manifest.files.items() if path.endswith(".py")}
