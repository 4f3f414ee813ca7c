"""Two versions side by side: what changed in numbers, view by view, and where to see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.api.shapes import (
    CLASSED,
    DEPTH_CONSISTENCY,
    LPIPS,
    OVERALL,
    SIGNED,
    ExpectedQuality,
    QualityClass,
    Shape,
)
from maquette.db import comparisons, projects, records
from maquette.db.rows import Connection, Row
from maquette.errors import WrongStateError
from maquette.recon.quality import WEIGHTS, comparable
from maquette.recon.quality import Quality as Terms

router = APIRouter(tags=["records"])


class NothingToCompareError(WrongStateError):
    """A first version stands alone."""

    code = "nothing_to_compare"


class NotMeasuredError(WrongStateError):
    """A version without held-out numbers compares with nothing."""

    code = "not_measured"


class EvalSetsDifferError(WrongStateError):
    """The numbers of the two versions are of different photos."""

    code = "eval_sets_differ"


class Change(BaseModel):
    """A number of both versions, and what the second has more."""

    a: float
    b: float
    difference: float = Field(description="b - a")


class Quality(BaseModel):
    """How close a version comes to photos."""

    psnr: Change = Field(description="dB; more is better.")
    ssim: Change = Field(description="Up to 1; more is better.")
    lpips: Change | None = Field(description="From 0; less is better. Null: not measured of both.")
    depth_consistency: Change | None = Field(description="Up to 1; more is better. Null: not measured of both.")
    overall: Change = Field(description="0 to 1, of the terms above that both have; more is better.")


class ViewChange(Quality):
    """One photo in both versions."""

    name: str


class SplitChange(BaseModel):
    """One split alone: held-out and training numbers are never mixed."""

    mean: Quality | None = Field(description="Over the views below, which both were measured on; null: none.")
    views: list[ViewChange]
    only_in_a: list[str] = Field(description="Photos that only the first was measured on; they count in no mean here.")
    only_in_b: list[str] = Field(description="Photos that only the second was measured on.")


class Side(Shape):
    """One of the two versions."""

    version: int
    parent_version: int | None
    method: Literal["generate", "refine"]
    promoted: bool
    num_gaussians: int
    sh_degree: int
    bytes: int = Field(description="Of the model as PLY.")
    seconds: float | None = Field(description="Wall seconds of its training; null: not recorded.")
    psnr: float | None = Field(description="Mean over its held-out views, dB.")
    ssim: float | None = Field(description="Mean over its held-out views.")
    lpips: float | None = Field(description=LPIPS)
    depth_consistency: float | None = Field(description=DEPTH_CONSISTENCY)
    overall_quality: float | None = Field(description=OVERALL)
    degraded: bool = Field(description="The sanity gate found fault.")
    quality_class: QualityClass | None = Field(description=CLASSED)
    created_at: datetime


class Amounts(BaseModel):
    """What the second version has more than the first; negative: less."""

    num_gaussians: int
    bytes: int
    seconds: float | None = Field(description="Null: not recorded of both.")
    overall_quality: float | None = Field(description="By the terms that both have; null: not measured of both.")


class Pictures(BaseModel):
    """One version from one photo's camera, at the size that metrics are computed at."""

    view_index: int
    render_url: str = Field(description="Called with the caller's own credentials, as all of this API.")
    error_url: str = Field(
        description="The difference from the photo in colours; its header `X-Maquette-Picture` states the scale, which"
        " is the same for all."
    )
    side_by_side_url: str = Field(description="Photo, render and error in one picture.")
    photo_url: str | None = Field(description=SIGNED)


class ViewPictures(BaseModel):
    """A photo of the evaluation set as both versions show it."""

    name: str
    a: Pictures
    b: Pictures


class Comparison(BaseModel):
    """Two versions of a project."""

    project_id: UUID
    a: Side
    b: Side
    expected_quality: ExpectedQuality
    difference: Amounts
    common_ancestor: int | None = Field(description="The newest version that both come from; null: of two generates.")
    path: list[int] = Field(description="From a up to the common ancestor and down to b. Empty: there is none.")
    eval_set: UUID = Field(description="The one set that the held-out numbers of both are of.")
    held_out: SplitChange
    training: SplitChange
    pictures: list[ViewPictures] = Field(description="Of each photo of the evaluation set that both have a camera of.")


VersionName = Annotated[
    str | None, Query(pattern=r"^v?[0-9]{1,9}$", description="A version, `3` or `v3`.", examples=["v0"])
]


@router.get(
    "/projects/{project_id}/compare",
    response_model=Comparison,
    summary="Compare two versions",
    responses=error_responses(404, 409),
)
async def compare_versions(
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    a: Annotated[VersionName, Query(description="The first version, `1` or `v1`. Default: the parent of b.")] = None,
    b: Annotated[VersionName, Query(description="The second one, `3` or `v3`. Default: the promoted version.")] = None,
) -> Comparison:
    """What b has more than a, view by view and in the mean, and the addresses of pictures of both.

    `404 version_not_found`; `409 nothing_generated`, `nothing_to_compare` (a first version and no other named),
    `not_measured`, `eval_sets_differ`: numbers of different photos are not compared.
    """
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        second = await records.model(conn, project_id, _number(b))
        first = await records.model(conn, project_id, _other(a, second))
        of_a, of_b = await comparisons.metrics(conn, first), await comparisons.metrics(conn, second)
        eval_set = _common_set(first, of_a, second, of_b)
        ancestor, path = comparisons.way_between(
            await comparisons.parents(conn, project_id), first["version"], second["version"]
        )
        photos = await _photos(conn, first, second)
    held_out, training = _split(of_a, of_b, "held_out"), _split(of_a, of_b, "training")
    if held_out.mean is None:
        raise _sets_differ(first, second, "no photo measures both")
    side_a, side_b = _side(first), _side(second)
    return Comparison(
        project_id=project_id,
        a=side_a,
        b=side_b,
        expected_quality=ExpectedQuality.model_validate(first["expected_quality"]),
        difference=_amounts(side_a, side_b),
        common_ancestor=ancestor,
        path=path,
        eval_set=eval_set,
        held_out=held_out,
        training=training,
        pictures=await _pictures(service, first, second, photos),
    )


def _number(name: str | None) -> int | None:
    return None if name is None else int(name.removeprefix("v"))


def _other(name: str | None, second: Row) -> int:
    """The version that b is compared with."""
    if name is not None:
        return int(name.removeprefix("v"))
    if second["parent_version"] is None:
        raise NothingToCompareError(
            f"Version {second['version']} was refined from no other one.",
            suggestion="Name the version to compare it with: `a=v0`; GET /api/v1/projects/{id}/models lists them.",
            version=second["version"],
        )
    return int(second["parent_version"])


def _common_set(first: Row, of_a: list[Row], second: Row, of_b: list[Row]) -> UUID:
    sets = [{row["eval_set_id"] for row in rows if row["split"] == "held_out"} for rows in (of_a, of_b)]
    for model, found in zip((first, second), sets, strict=True):
        if not found:
            raise NotMeasuredError(
                f"Version {model['version']} was measured on no held-out photo.",
                suggestion="Look at both with GET /api/v1/projects/{id}/models/{version}/render instead.",
                version=model["version"],
            )
    if sets[0] != sets[1] or len(sets[0]) > 1:
        raise _sets_differ(first, second, "they were measured on different evaluation sets")
    [common] = sets[0]
    return UUID(str(common))


def _sets_differ(first: Row, second: Row, why: str) -> EvalSetsDifferError:
    return EvalSetsDifferError(
        f"The numbers of versions {first['version']} and {second['version']} do not compare: {why}.",
        suggestion="Look at both with GET /api/v1/projects/{id}/models/{version}/render instead.",
        a=first["version"],
        b=second["version"],
    )


def _split(first: list[Row], second: list[Row], split: str) -> SplitChange:
    """The views of one split that both were measured on, and their means. A photo that replaced another is another."""
    a, b = ({row["name"]: row for row in rows if row["split"] == split} for rows in (first, second))
    both = [name for name in sorted(a.keys() & b.keys()) if a[name]["photo"] == b[name]["photo"]]
    views = [ViewChange(name=name, **_quality(_terms([a[name]]), _terms([b[name]]))) for name in both]
    mean = Quality(**_quality(*(_terms([side[name] for name in both]) for side in (a, b)))) if both else None
    return SplitChange(
        mean=mean, views=views, only_in_a=sorted(a.keys() - {*both}), only_in_b=sorted(b.keys() - {*both})
    )


def _change(a: float, b: float) -> Change:
    return Change(a=a, b=b, difference=b - a)


def _terms(rows: Sequence[Row]) -> Terms:
    """The means over the rows of one version; a term that a row lacks is left out."""

    means: dict[str, float] = {}
    for name in WEIGHTS:
        values = [row[name] for row in rows]
        if None not in values:
            means[name] = sum(values) / len(values)
    return Terms(**means)


def _quality(a: Terms, b: Terms) -> dict[str, Change | None]:
    """Each term that both have, and the one number by all of them."""
    changes = {name: _change(getattr(a, name), getattr(b, name)) for name in a.terms if name in b.terms}
    return {"lpips": None, "depth_consistency": None, **changes, "overall": _change(*comparable(a, b))}


def _side(model: Row) -> Side:
    return Side.model_validate(
        {**model, "bytes": model["objects"]["model"]["bytes"], "seconds": model["details"].get("training_seconds")}
    )


def _amounts(a: Side, b: Side) -> Amounts:
    def by_terms_of_both() -> float | None:
        if a.psnr is None or a.ssim is None or b.psnr is None or b.ssim is None:
            return None
        before, after = comparable(
            Terms(a.psnr, a.ssim, a.lpips, a.depth_consistency), Terms(b.psnr, b.ssim, b.lpips, b.depth_consistency)
        )
        return after - before

    def more(first: float | None, second: float | None) -> float | None:
        return None if first is None or second is None else second - first

    return Amounts(
        num_gaussians=b.num_gaussians - a.num_gaussians,
        bytes=b.bytes - a.bytes,
        seconds=more(a.seconds, b.seconds),
        overall_quality=by_terms_of_both(),
    )


async def _photos(conn: Connection, first: Row, second: Row) -> list[tuple[Row, Row]]:
    """The held-out views that the generates of both versions have, in pairs."""
    views = [await comparisons.held_out_photos(conn, model["view_run_id"]) for model in (first, second)]
    a, b = ({row["name"]: row for row in rows} for rows in views)
    return [(a[name], b[name]) for name in sorted(a.keys() & b.keys())]


async def _pictures(service: Service, first: Row, second: Row, photos: Sequence[tuple[Row, Row]]) -> list[ViewPictures]:
    linked = await with_links(service, [row for pair in photos for row in pair])
    return [
        ViewPictures(name=of_a["name"], a=_addresses(service, first, of_a), b=_addresses(service, second, of_b))
        for of_a, of_b in zip(linked[::2], linked[1::2], strict=True)
    ]


def _addresses(service: Service, model: Row, view: dict[str, Any]) -> Pictures:
    base = f"{service.public_url}/api/v1/projects/{model['project_id']}/models/{model['version']}/render"

    def address(output: str) -> str:
        return f"{base}?{urlencode({'view': view['name'], 'output': output})}"

    return Pictures(
        view_index=view["view_index"],
        render_url=address("image"),
        error_url=address("error"),
        side_by_side_url=address("side_by_side"),
        photo_url=view["photo_url"],
    )
