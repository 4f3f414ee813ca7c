"""Weights of neural models as compute sees them: folders on this machine, each with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from maquette.errors import MaquetteError, UnavailableError

_NOTHING: Mapping[str, str] = MappingProxyType({})


class WeightsMissingError(UnavailableError):
    """A model's files are not on this machine."""

    code = "model_weights_missing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The weights of '{name}' are not on this machine.",
            suggestion=f"Run `maquette models pull {name}`, or put its folder into the models folder.",
            model=name,
        )


@dataclass(frozen=True)
class LocalModel:
    """One model's folder.

    ``revision`` names the pinned commit it was pulled at, or ``local`` for a folder that a user put there.
    ``trusted_code`` maps Python files of the folder, by their path in it, to the sha256 they must have to be run:
    empty unless the owner of this machine allowed this model's code by a setting.
    """

    name: str
    folder: Path
    revision: str
    licence: str
    trusted_code: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Weights:
    """What is on this machine, by name, and what stands in the way of the rest (a licence that was not accepted)."""

    models: Mapping[str, LocalModel] = field(default_factory=dict)
    problems: Mapping[str, MaquetteError] = field(default_factory=dict)

    @property
    def editions(self) -> tuple[str, ...]:
        """Each that can be used with its revision, and whether its own code may run: what a result may hang on."""
        code = {name: "+code" if model.trusted_code else "" for name, model in self.models.items()}
        return tuple(f"{name}@{self.models[name].revision}{code[name]}" for name in sorted(code))

    def problem(self, name: str) -> MaquetteError | None:
        """Why ``name`` cannot be used, or None where it can."""
        return None if name in self.models else self.problems.get(name) or WeightsMissingError(name)

    def __getitem__(self, name: str) -> LocalModel:
        """The model, or its problem raised."""
        problem = self.problem(name)
        if problem is not None:
            raise problem
        return self.models[name]
