"""The places in our steps where another engine may do the work: the model of a generate, a refine's round, a mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from maquette.recon.scene import Scene
from maquette.steps import evaluation
from maquette.steps.engines import engine_named
from maquette.steps.engines.calling import or_ours, ours
from maquette.steps.engines.engine import Engine, Makes
from maquette.steps.engines.errors import EngineError
from maquette.steps.engines.modelling import blamed_on, model_by_engine
from maquette.steps.folder import Folder
from maquette.steps.limits import read_limits
from maquette.steps.parameters import GenerateParameters, Preset, RefineParameters
from maquette.steps.presets import mesh_preset
from maquette.steps.records import Model
from maquette.steps.sink import Sink
from maquette.steps.training import Trained

Write = Callable[[Trained, dict[str, Any]], Model]
"""Measures and writes a version, with what is recorded of its engine."""


def _engine(name: str, makes: Makes) -> Engine | None:
    """The engine of that name where it is another than ours and makes that."""
    found = engine_named(name)
    return found if found is not None and found.makes == makes else None


def model_of_generate(
    folder: Folder,
    scene: Scene,
    views: Sequence[int],
    wanted: GenerateParameters,
    long_side: int,
    write: Write,
    sink: Sink,
) -> tuple[Model | None, EngineError | None]:
    """The version that another engine made, not yet kept; none where ours is to make it, and why if it stands in."""
    engine = _engine(wanted.engine, "model")
    if engine is None:
        return None, None
    camera = scene.views[views[0]].camera
    asked = {
        **wanted.model_dump(include={"preset", "seed", "iterations", "max_gaussians", "sh_degree"}),
        "long_side": long_side,
        "width_px": round(camera.width * min(1.0, long_side / max(camera.width, camera.height))),
    }
    most = wanted.max_gaussians or read_limits(folder).max_gaussians

    def work() -> Model:
        trained, told = model_by_engine(
            folder, engine, "generate", scene, views, asked, sink, iterations=wanted.iterations or 0, most=most
        )
        with blamed_on(engine):
            return write(trained, told)

    return or_ours(work, fallback=wanted.engine_fallback, sink=sink)


@dataclass
class Rounds:
    """The rounds of a refine that another engine does. One that failed is not asked again in the same run."""

    folder: Folder
    wanted: RefineParameters
    failed: EngineError | None = None

    @property
    def engine(self) -> Engine | None:
        """The one that was asked for, where it is another than ours."""
        return _engine(self.wanted.engine, "model")

    def model(
        self, scene: Scene, views: Sequence[int], parent: Model, iterations: int, write: Write, sink: Sink
    ) -> Model | None:
        """The next version, not yet kept; None where ours is to make it."""
        engine = self.engine
        if engine is None or self.failed is not None:
            return None
        names = {"learning_rate", "seed", "steps_per_iteration"}
        asked = {**self.wanted.model_dump(include=names), "iterations": iterations}
        most = read_limits(self.folder).max_gaussians

        def work() -> Model:
            trained, told = model_by_engine(
                self.folder,
                engine,
                "refine",
                scene,
                views,
                asked,
                sink,
                iterations=parent.iterations + iterations,
                most=most,
                model=self.folder.root / parent.model.path,
            )
            with blamed_on(engine):
                return write(trained, told)

        model, self.failed = or_ours(work, fallback=self.wanted.engine_fallback, sink=sink)
        return model

    def ours(self) -> dict[str, Any]:
        """What is recorded of a round that ours did."""
        return ours(self.failed, self.wanted.engine)


def mesh_of_generate(
    folder: Folder, scene: Scene, model: Model, wanted: GenerateParameters, sink: Sink
) -> dict[str, Any]:
    """Who made the version's mesh, where another engine was asked for one; else nothing."""
    return _mesh(folder, "generate", scene, model, wanted, sink)


def mesh_of_refine(folder: Folder, scene: Scene, model: Model, wanted: RefineParameters, sink: Sink) -> dict[str, Any]:
    """The same of the version that a refine ended with."""
    return _mesh(folder, "refine", scene, model, wanted, sink)


def _mesh(
    folder: Folder,
    stage: str,
    scene: Scene,
    model: Model,
    wanted: GenerateParameters | RefineParameters,
    sink: Sink,
) -> dict[str, Any]:
    engine, eval_set = _engine(wanted.engine, "mesh"), evaluation.load(folder)
    if engine is None or eval_set is None:
        return {}
    # Imported here: few runs make a mesh, and what that needs takes long to load.
    from maquette.steps.engines.meshing import mesh_by_engine

    preset = cast(Preset, mesh_preset(None, model.details))
    asked = {"preset": preset, "seed": wanted.seed}
    fallback = wanted.engine_fallback
    told = mesh_by_engine(folder, engine, stage, scene, eval_set, model, preset, asked, sink, fallback=fallback)
    return {"mesh_engine": told}
