"""Whether a project is ready for a step, and the settled work that follows: one function a step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel

from maquette.api.calls import Prepare, Work
from maquette.db import bundles, records, staleness, usage
from maquette.db.rows import Connection, Row
from maquette.disk import MB
from maquette.errors import BadInputError, WrongStateError
from maquette.execution.engines import edition, setups_of
from maquette.models.installed import read_weights
from maquette.recon.bundle import BUNDLE
from maquette.settings import Settings
from maquette.steps.bundle import check_options
from maquette.steps.engines import OURS, Engine, compressor_of
from maquette.steps.engines.options import check_compressed, check_rig
from maquette.steps.engines.setups import unavailable
from maquette.steps.parameters import WITHOUT_WEIGHTS, ExportParameters, GenerateParameters, RefineParameters
from maquette.steps.presets import PRESETS, mesh_preset
from maquette.steps.workloads import size_of, workload_of

if TYPE_CHECKING:
    from maquette.recon.formats import Format

REFINE_ANOTHER = (
    "Refine the promoted version or the newest one, which keep what that needs, or call"
    " POST /api/v1/generate/{project_id}: the photos are there."
)
EXPORT_GAUSSIANS = "Export a format of Gaussians, such as ply, or generate again: the photos are there."
EXPORT_ANOTHER = "Export it without `filter_floaters`, or another version."


class NoPhotosError(WrongStateError):
    """Generate was called before upload."""

    code = "no_photos"


class NotEnoughPhotosError(BadInputError):
    """Too few of the photos can be used."""

    code = "not_enough_photos"


class TooManyGaussiansError(BadInputError):
    """Generate was asked for a larger model than this server makes."""

    code = "too_many_gaussians"


class UnknownViewsError(BadInputError):
    """Refine was asked to optimise against views that do not exist."""

    code = "unknown_views"


class HeldOutViewsError(BadInputError):
    """Refine was asked to optimise against the photos that measure quality."""

    code = "held_out_views"


def for_generate(parameters: GenerateParameters, settings: Settings) -> Prepare:
    """Needs photos, as many of them usable as the settings say, or a single one; reads the photos, and weights.

    Weights are looked up on this machine: workers are taken to have the same.
    """
    _check_gaussians(parameters, settings)

    async def prepare(conn: Connection, project: Row) -> Work:
        engine = await asyncio.to_thread(_check_engine, parameters.engine, settings)
        photos = await records.photos(conn, project["id"])
        if not photos:
            raise NoPhotosError(
                "This project has no photos yet.", suggestion="Send photos with POST /api/v1/upload first."
            )
        await records.photos_still_there(conn, project["id"])
        usable = [photo for photo in photos if photo["verdict"] != "rejected"]
        # Of ten photos with nine rejected nobody asked for a relief.
        alone = len(photos) == 1 or parameters.view_method is not None
        given = _given([photo["kind"] for photo in usable], alone=alone)
        if given is None and len(usable) < settings.min_photos:
            raise NotEnoughPhotosError(
                f"{len(usable)} of {len(photos)} photos can be used; at least {settings.min_photos} are needed.",
                suggestion="Upload more photos that overlap, or name a `view_method` to make a relief of a single one;"
                " GET /api/v1/projects/{id}/images says what is wrong with the others.",
                found=len(usable),
                needed=settings.min_photos,
                uploaded=len(photos),
            )
        if given == "six_views":
            check_rig(parameters)
        editions = (*await asyncio.to_thread(_editions, settings), *engine)
        inputs = (*(photo["sha256"] for photo in usable), *_lowered(parameters, settings), *editions)
        return _work("generate", parameters, inputs, photos=len(usable), given=given)

    return prepare


def _given(kinds: Sequence[str], *, alone: bool) -> str | None:
    """What a project has that is no set of photos and is worked on otherwise; None for photos and frames."""
    if alone and list(kinds) == ["photo"]:
        return "one_photo"
    return "six_views" if "view" in kinds else None


def _check_gaussians(parameters: GenerateParameters, settings: Settings) -> None:
    wanted = parameters.max_gaussians
    if wanted is not None and wanted > settings.max_gaussians:
        raise TooManyGaussiansError(
            f"max_gaussians is {wanted}; this server makes models of at most {settings.max_gaussians}.",
            suggestion=f"Ask for at most {settings.max_gaussians}, or leave it to the preset.",
            max_gaussians=settings.max_gaussians,
            given=wanted,
        )


def _lowered(parameters: GenerateParameters, settings: Settings) -> tuple[str, ...]:
    """Names the server's limit where it changes what the preset makes: that is other work than without it."""
    changed = parameters.max_gaussians is None and PRESETS[parameters.preset].max_gaussians > settings.max_gaussians
    return (f"at most {settings.max_gaussians} Gaussians",) if changed else ()


def for_refine(parameters: RefineParameters, settings: Settings) -> Prepare:
    """Needs a model; reads the version it begins with, and weights where a neural model may enhance.

    They are looked up on this machine: workers are taken to have the same.
    """

    async def prepare(conn: Connection, project: Row) -> Work:
        engine = await asyncio.to_thread(_check_engine, parameters.engine, settings)
        model = await records.model(conn, project["id"], parameters.from_version)
        called = f"of version {model['version']}"
        needed = {"model": f"The model {called}", "checkpoint": f"The checkpoint {called}"}
        records.still_there(model["objects"], needed, suggestion=REFINE_ANOTHER)
        await records.scene_still_there(conn, model, suggestion=REFINE_ANOTHER)
        if parameters.views_to_refine is not None:
            enhanced = parameters.enhancement not in (None, "none")
            await _check_views(conn, model["view_run_id"], parameters.views_to_refine, enhanced=enhanced)
        settled = parameters.model_copy(update={"from_version": model["version"]})
        editions = () if parameters.enhancement in WITHOUT_WEIGHTS else await asyncio.to_thread(_editions, settings)
        # Photos that were replaced since make another version of the same call.
        replaced = [view["sha256"] for view in await staleness.views_to_renew(conn, model["view_run_id"])]
        inputs = (model["objects"]["model"]["sha256"], *replaced, *editions, *engine)
        photos = len(await records.view_splits(conn, model["view_run_id"]))
        return _work("refine", settled, inputs, model=model["details"], photos=photos)

    return prepare


def _check_engine(name: str, settings: Settings) -> tuple[str, ...]:
    """What of the engine decides the result. Raises ``engine_unavailable`` where this server is not set up for it."""
    if name == OURS:
        return ()
    setups = setups_of(settings)
    if not setups[name].available:
        raise unavailable(name, setups[name])
    return edition(setups, name)


def _work(
    step: str,
    settled: BaseModel,
    inputs: tuple[str, ...],
    *,
    model: Row | None = None,
    photos: int = 0,
    gaussians: int = 0,
    given: str | None = None,
) -> Work:
    parameters = settled.model_dump(mode="json")
    size = size_of(step, parameters, photos=photos, gaussians=gaussians)
    return Work(parameters, inputs, workload_of(step, parameters, model=model, given=given), size)


def _editions(settings: Settings) -> tuple[str, ...]:
    weights = read_weights(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    return weights.editions


async def for_export(parameters: ExportParameters, settings: Settings) -> Prepare:
    """Needs a known format and a model, and for what shows surfaces or cameras its views; reads that version.

    ``unknown_format``, ``nothing_to_optimize`` or ``no_option_of_format`` otherwise.
    """
    check_options(parameters)
    if parameters.format == BUNDLE.name:
        return _for_bundle(parameters)
    compressor = compressor_of(parameters.format)
    if compressor is not None:
        return _for_compressor(compressor, parameters, settings)
    target = await asyncio.to_thread(_target_of, parameters)

    async def prepare(conn: Connection, project: Row) -> Work:
        model = await records.model(conn, project["id"], parameters.version)
        called = f"of version {model['version']}"
        needed = {"filtered": f"What the filter left {called}"} if parameters.filter_floaters else {}
        records.still_there(model["objects"], {"model": f"The model {called}", **needed}, suggestion=EXPORT_ANOTHER)
        settled = parameters.model_copy(update={"version": model["version"]})
        if target.holds_photos or (parameters.optimize and target.kind != "mesh"):
            await records.scene_still_there(conn, model, suggestion=EXPORT_GAUSSIANS)
        if target.kind == "mesh":
            preset = mesh_preset(parameters.preset, model["details"])
            filtered = parameters.filter_floaters
            if await records.mesh(conn, project["id"], model["version"], preset, filtered=filtered) is None:
                await records.scene_still_there(conn, model, suggestion=EXPORT_GAUSSIANS)
        gaussians = model["num_gaussians"]
        return _work("export", settled, (model["objects"]["model"]["sha256"],), gaussians=gaussians)

    return prepare


def _for_compressor(engine: Engine, parameters: ExportParameters, settings: Settings) -> Prepare:
    """Needs a model, its photos, and a server that is set up for it (``engine_unavailable``); reads that version."""
    check_compressed(parameters)

    async def prepare(conn: Connection, project: Row) -> Work:
        identity = await asyncio.to_thread(_check_engine, engine.name, settings)
        model = await records.model(conn, project["id"], parameters.version)
        called = f"of version {model['version']}"
        needed = {"filtered": f"What the filter left {called}"} if parameters.filter_floaters else {}
        records.still_there(model["objects"], {"model": f"The model {called}", **needed}, suggestion=EXPORT_ANOTHER)
        await records.scene_still_there(conn, model, suggestion=EXPORT_GAUSSIANS)
        settled = parameters.model_copy(update={"version": model["version"]})
        inputs = (model["objects"]["model"]["sha256"], *identity)
        return _work("export", settled, inputs, gaussians=model["num_gaussians"])

    return prepare


def _for_bundle(parameters: ExportParameters) -> Prepare:
    """Needs a model, whose version the file is listed under; reads everything that the project holds."""

    async def prepare(conn: Connection, project: Row) -> Work:
        model = await records.model(conn, project["id"], parameters.version)
        settled = parameters.model_copy(update={"version": model["version"]}).model_dump(mode="json")
        megabytes = await usage.project_bytes(conn, project["id"], project["owner_id"]) / MB
        inputs = (await bundles.state_of(conn, project["id"]),)
        return Work(settled, inputs, workload_of("export", settled), megabytes)

    return prepare


def _target_of(parameters: ExportParameters) -> Format[Any]:
    # Imported on first use: the formats need numpy, which the API can start without.
    from maquette.recon.formats import format_named
    from maquette.recon.formats.options import check_optimize

    target = format_named(parameters.format)
    check_optimize(target, optimize=parameters.optimize)
    return target


async def _check_views(conn: Connection, view_run_id: UUID, wanted: list[int], *, enhanced: bool) -> None:
    """Held-out views may be named where an enhancement is: their cameras teach then, their photos never do."""
    split_of = await records.view_splits(conn, view_run_id)
    unknown = sorted(set(wanted) - set(split_of))
    if unknown:
        raise UnknownViewsError(
            f"There {'is no view' if len(unknown) == 1 else 'are no views'} {', '.join(map(str, unknown[:20]))}.",
            suggestion="Take indices from GET /api/v1/projects/{id}/views.",
            unknown=unknown[:100],
        )
    held_out = sorted(index for index in set(wanted) if split_of[index] == "held_out")
    if held_out and not enhanced:
        raise HeldOutViewsError(
            f"Views {', '.join(map(str, held_out[:20]))} are held out to measure quality and never optimised against.",
            suggestion="Take indices from GET /api/v1/projects/{id}/views whose split is training, or name an"
            " `enhancement`.",
            held_out=held_out[:100],
        )
