"""The shapes of answers, by noun; their field names are those of the tables wherever both exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maquette.db.start_cameras import ChosenStart

Step = Literal["upload", "generate", "refine", "export"]
RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]

SIGNED = (
    "Signed on read for an hour, unless the server is set otherwise; reads within a quarter of that time give the same"
    " address again. Null: no such object, or one that was removed: `objects` says when."
)


STALE = "Made from a photo that has been replaced since: the next refine, or generate, makes it anew."

QualityClass = Literal["normal", "warning", "failure"]

CLASSED = (
    "By the means over the held-out views against `expected_quality`, both numbers, a bound itself included. Null: not"
    " measured."
)


LPIPS = "0: alike, about 0.7: as unlike as photos get. Null: its weights were not there."
DEPTH_CONSISTENCY = "Share of pixels whose rendered depth other views confirm, 0 to 1. Null: not measured."
OVERALL = "0 to 1, of the terms that were measured: two versions compare by those both have, as `compare` does."


class Shape(BaseModel):
    """Reads a database row, leaving out columns that are nobody's business."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class Project(Shape):
    """One capture and everything made from it."""

    id: UUID
    name: str
    status: Literal["created", "uploaded", "processing", "completed", "failed"]
    current_step: Step | None = Field(description="The step that runs or ran last.")
    progress_percentage: float = Field(description="Of that step, 0 to 100.")
    capture: dict[str, Any] | None = Field(
        None,
        description="The verdict on the photos as a set, with one action for each finding: after an upload, and again"
        " after the cameras were searched (then with what they cover).",
        examples=[None],
    )
    start_camera: ChosenStart | None = Field(
        None, description="Where looking at its models begins; null: the viewer chooses.", examples=[None]
    )
    created_at: datetime
    updated_at: datetime


class StoredObject(Shape):
    """An object in a bucket."""

    id: UUID
    bucket: str
    path: str
    bytes: int
    sha256: str
    mime: str
    removed_at: datetime | None = Field(
        None,
        description="When it was removed, because it had its time or storage lost it; its record stays. Null: it is"
        " there.",
        examples=[None],
    )


class Reason(Shape):
    """A finding about a photo, and the one thing to do about it."""

    code: str
    message: str
    suggestion: str = ""


class ReplacedPhoto(Shape):
    """A photo that something was made from, and that another one has replaced since."""

    image_index: int
    image_id: UUID
    filename: str
    replaced_at: datetime


class Aging(Shape):
    """A row that may be out of date."""

    stale: bool = Field(description=STALE)
    stale_because: list[ReplacedPhoto] = Field(description="The photos that have been replaced.")


class Image(Aging):
    """A photo as uploaded, with its verdict."""

    id: UUID
    run_id: UUID | None
    image_index: int
    filename: str = Field(description="As the uploader named it.")
    kind: Literal["photo", "frame", "view", "depth_render"] = Field(
        description="`frame`: of a video; `view` and `depth_render`: of six views with depth."
    )
    details: dict[str, Any] = Field(
        description="Of a frame `video` and `time_s`; of a view `side`; after a generate what the doctor measured"
        " (`features`, `matched_photos`, `points`) and its `advice`."
    )
    verdict: Literal["ok", "warning", "rejected"]
    reasons: list[Reason]
    sha256: str
    width: int | None = Field(description="Of the processed photo, px.")
    height: int | None = Field(description="Of the processed photo, px.")
    original_width: int | None = Field(description="px")
    original_height: int | None = Field(description="px")
    sharpness: float | None = Field(description="Variance of the Laplacian at a normalised size.")
    exposure: float | None = Field(description="Mean luma, 0 to 1.")
    focal_px: float | None = Field(description="From EXIF, in px of the processed photo.")
    placed: bool | None = Field(description="Whether the newest generate could place it; null before.")
    placed_reason: str | None
    generation: int = Field(description="0: as first uploaded; each replacement at this index counts one more.")
    replaces_id: UUID | None = Field(description="The photo it was sent in place of.")
    replaced_at: datetime | None = Field(description="When another photo took its place; null: this one counts.")
    original_url: str | None = Field(description=SIGNED)
    processed_url: str | None = Field(description=SIGNED)
    mask_url: str | None = Field(description=f"Which of its pixels show the subject; null: all count. {SIGNED}")
    objects: dict[str, StoredObject]


class View(Aging):
    """A view with its camera."""

    id: UUID
    run_id: UUID
    source_image_id: UUID | None
    view_index: int
    name: str
    method: str
    split: Literal["training", "held_out"]
    camera: dict[str, Any] = Field(
        description="Pinhole: width, height, fx, fy, cx, cy in px (pixel centres at +0.5), camera_from_world 4x4,"
        " OpenCV axes."
    )
    generation: int = Field(description="0: made by the generate; each time it was made again counts one more.")
    replaces_id: UUID | None = Field(description="The view whose place it took.")
    replaced_at: datetime | None = Field(description="When a newer one took its place; null: this one counts.")
    made_by_run_id: UUID | None = Field(description="The refine that made it again; null: the generate itself.")
    details: dict[str, Any] = Field(description="Of a view made again: how its photo was placed.")
    created_at: datetime
    image_url: str | None = Field(description=SIGNED)
    objects: dict[str, StoredObject]


class DepthMap(Aging):
    """One view's depth in world units along the camera's z axis."""

    id: UUID
    run_id: UUID
    view_id: UUID
    view_index: int
    name: str
    method: str = Field(
        description="The depth network's name; `rendered_median`: from the model itself, where no network is installed"
        " or `details.passed_over` says why it was not believed."
    )
    depth_min: float | None
    depth_max: float | None
    depth_mean: float | None
    coverage: float = Field(description="Share of pixels with a depth.")
    confidence: float | None = Field(
        description="How far the depths can be trusted, 0 to 1: the mean over the pixels that have one. Null, as the"
        " next five: rendered from the model."
    )
    scale: float | None = Field(
        description="1/z = `scale` x + `shift`, per world unit, for the network's relative inverse depth x."
    )
    shift: float | None = Field(description="See `scale`.")
    residual: float | None = Field(description="Median relative error of inverse depth at the sparse points.")
    inlier_share: float | None = Field(description="Share of the sparse points that agree within 15 %.")
    points: int | None = Field(description="Sparse points of the view that the network was fitted to.")
    details: dict[str, Any] = Field(
        description="Of a network's depth its `revision`, `sha256`, `provider` (`cpu` or `cuda`) and the size it looked"
        " at."
    )
    created_at: datetime
    depth_url: str | None = Field(description=SIGNED)
    heatmap_url: str | None = Field(description=SIGNED)
    objects: dict[str, StoredObject]


class QualityBound(Shape):
    """What both means over the held-out views reach at least."""

    psnr: float = Field(description="dB", examples=[25])
    ssim: float = Field(examples=[0.85])


class ExpectedQuality(Shape):
    """What a version is expected to reach to be of a class; below both it is a `failure`."""

    normal: QualityBound
    warning: QualityBound


Corner = tuple[float, float, float]


class Bounds(Shape):
    """Where the centres of a model's Gaussians lie: x, y, z in world units."""

    min: Corner
    max: Corner
    p1: Corner = Field(description="All but the outermost 1 % at this end, along each axis.")
    p99: Corner


class Model(Aging):
    """One version in the project's tree of models."""

    id: UUID
    run_id: UUID
    view_run_id: UUID
    version: int
    parent_version: int | None
    method: Literal["generate", "refine"]
    promoted: bool
    num_gaussians: int
    num_gaussians_unfiltered: int
    sh_degree: int
    iterations: int
    psnr: float | None = Field(description="Mean over the held-out views, dB.")
    ssim: float | None = Field(description="Mean over the held-out views.")
    lpips: float | None = Field(description=LPIPS)
    depth_consistency: float | None = Field(description=DEPTH_CONSISTENCY)
    overall_quality: float | None = Field(description=OVERALL)
    quality_class: QualityClass | None = Field(description=CLASSED)
    expected_quality: ExpectedQuality
    eval_set_id: UUID | None
    bounds: Bounds | None = Field(
        description="Of the Gaussians' centres; null: a version of before they were recorded."
    )
    bytes: int | None = Field(description="Of the model as PLY.")
    seconds: float | None = Field(description="Wall seconds of its training.")
    degraded: bool = Field(
        description="The sanity gate found fault (`details.sanity` says what); it takes no sound version's place."
    )
    details: dict[str, Any]
    created_at: datetime
    model_url: str | None = Field(description=SIGNED)
    unfiltered_url: str | None = Field(description=SIGNED)
    filtered_url: str | None = Field(description=SIGNED)
    checkpoint_url: str | None = Field(description=SIGNED)
    preview_url: str | None = Field(description=SIGNED)
    objects: dict[str, StoredObject]


class Iteration(Shape):
    """One round of a refine run."""

    id: UUID
    run_id: UUID
    iteration: int
    parent_version: int
    version: int
    method: str
    quality_before: float
    quality_after: float
    relative_gain: float
    converged: bool
    promoted: bool
    seconds: float
    details: dict[str, Any]
    created_at: datetime


class EnhancedView(Shape):
    """What a refine round rendered of a view from its parent version, and what an enhancement made of that."""

    id: UUID
    run_id: UUID
    iteration: int
    version: int = Field(description="The version that the round made.")
    view_id: UUID
    view_index: int
    name: str
    method: str = Field(description="`none`: nothing was enhanced, the round optimised against the photos alone.")
    model: str | None
    model_revision: str | None
    prompt: str | None
    strength: float | None
    seed: int | None
    created_at: datetime
    rendered_url: str | None = Field(description=SIGNED)
    enhanced_url: str | None = Field(description=SIGNED)
    confidence_url: str | None = Field(
        description=SIGNED + " Grey: how far photos confirm each pixel of the enhanced view, and it may teach."
    )
    details: dict[str, Any] = Field(description="Steps run, guidance, device, seconds; agreement with the photos.")
    objects: dict[str, StoredObject]


class Metric(Shape):
    """Quality of a version on one view, or their mean where ``view_index`` is null."""

    id: UUID
    run_id: UUID
    version: int
    split: Literal["held_out", "training"]
    eval_set: UUID | None = Field(validation_alias="eval_set_id", description="The fixed evaluation set.")
    view_index: int | None
    psnr: float = Field(description="dB")
    ssim: float
    lpips: float | None = Field(description=LPIPS)
    depth_consistency: float | None = Field(description=DEPTH_CONSISTENCY)
    overall_quality: float | None = Field(description=OVERALL + " Of means only.")
    view_run_id: UUID | None = Field(description="The generate whose cameras it was measured from.")
    width: int | None = Field(description="Measured at, px; of a mean: of its largest view. Null: not recorded then.")
    height: int | None
    mask: Literal["none", "masked", "some"] | None = Field(
        description="Whether a mask chose which pixels count; `some`: a mean over views with and without."
    )
    lpips_weights: str | None = Field(description="Model and revision that measured `lpips`.")
    colour: str | None = Field(description="How colours were compared.", examples=["sRGB 8-bit, as photographed"])
    details: dict[str, Any]
    created_at: datetime


class TrainingLosses(Shape):
    """The training loss on the way to a version, as medians over intervals. It is of training photos alone, and at
    sizes that grow: it tells how a training went, not how good a version is."""

    id: UUID
    run_id: UUID
    version: int
    definition: str = Field(
        description="What the loss is.",
        examples=["0.8 × L1 + 0.2 × (1 − SSIM) of a training photo …; medians over about a pass of all photos"],
    )
    every: int = Field(description="Iterations in an interval.", examples=[40])
    iterations: list[int] = Field(
        description="The last iteration of each interval, counted from the first version's very first; at most 500.",
        examples=[[40, 80, 120]],
    )
    losses: list[float] = Field(description="The median of each interval.", examples=[[0.21, 0.14, 0.11]])
    created_at: datetime


class MeshFile(Shape):
    """A file of a mesh."""

    name: str = Field(examples=["mesh.obj"])
    url: str | None = Field(description=SIGNED)
    bytes: int
    sha256: str
    mime: str


class Mesh(Shape):
    """A textured surface of a version, which exports of meshes are written from."""

    id: UUID
    run_id: UUID
    version: int
    preset: str = Field(description="`fastest`, `balanced` or `quality`: how many triangles, how large a texture.")
    filtered: bool = Field(description="Made of the version without its floaters.")
    method: str = Field(
        description="How the surface was made and painted; another word after the stroke than `baked` is a fallback.",
        examples=["tsdf/baked"],
    )
    triangles: int
    vertices: int
    watertight: bool
    texture_px: int | None = Field(description="Side of the texture; null: the vertices have colours instead.")
    observed_share: float | None = Field(
        description="Share of the texels that some photo shows; the others were filled in.", examples=[0.94]
    )
    split: str | None = Field(description="Which photos `psnr` and `ssim` compare renders of the mesh with.")
    psnr: float | None = Field(description="dB, over the pixels that the mesh covers.")
    ssim: float | None = Field(description="Over the pixels that the mesh covers.")
    degraded: bool
    seconds: float
    details: dict[str, Any]
    created_at: datetime
    files: list[MeshFile] = Field(
        description="`mesh.obj`, `material.mtl`, `texture_color.png`, `preview_*.png`, `wireframe_*.png`, `poster.jpg`,"
        " `turntable.mp4`, `quality.json`; `mesh.npz` is what exports are written from."
    )

    @model_validator(mode="before")
    @classmethod
    def _list_files(cls, row: Any) -> Any:
        if not isinstance(row, Mapping) or "files" in row:
            return row
        objects = row["objects"]
        files = [{"name": name, "url": row.get(f"{name}_url"), **objects[name]} for name in sorted(objects)]
        return {**row, "files": files}


class Export(Shape):
    """A file made for the user."""

    id: UUID
    run_id: UUID
    version: int
    format: str
    options: dict[str, Any]
    bytes: int
    sha256: str
    seconds: float
    measured_loss: dict[str, Any] | None = Field(
        description="PSNR (dB) and SSIM of the full model and of the file as read back, on the same photos; null: "
        "nothing is lost, or it was not measured (`details`)."
    )
    details: dict[str, Any] = Field(
        description="How the file stands: `up`, `out_from_world`; what it holds.", examples=[{"gaussians": 80000}]
    )
    created_at: datetime
    file_size_mb: float = Field(description="Millions of bytes.")
    download_url: str | None = Field(description=SIGNED)
    objects: dict[str, StoredObject]


class Run(Shape):
    """One call of a step."""

    id: UUID
    project_id: UUID
    step: Step
    status: RunStatus
    parameters: dict[str, Any]
    seed: int
    code_version: str
    model_versions: dict[str, Any]
    input_hash: str
    attempt: int
    stage: str | None
    progress_percentage: float
    message: str
    queued_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    degraded: bool = Field(description="A named fallback was used; `warnings` says which and why.")
    warnings: list[dict[str, Any]]
    error: dict[str, Any] | None
    result: dict[str, Any]
    timings: dict[str, Any] = Field(description="Wall seconds by stage, and peak_memory_mb.")


class Event(Shape):
    """One entry of a project's history; `seq` has no gaps."""

    seq: int
    run_id: UUID | None
    type: str = Field(
        description="`progress`, `complete` or `error` (failed or cancelled) of a run; `model`, `promote`, `iteration`,"
        " `export`, `preview` (a training shows a new picture), `replace` (a photo took another's place), `rename` or"
        " `start_camera`."
    )
    payload: dict[str, Any] = Field(
        description="Of a run: `run_id`, `step`, `status`, `stage`, `progress_percentage`, `message`, `attempt`,"
        " `degraded`, `error`. `model` and `promote`: `version`, `parent_version`, `promoted`, `psnr` (dB), `ssim`,"
        " `num_gaussians`. `iteration`: `iteration`, `version`, `parent_version`, `quality_before`, `quality_after`,"
        " `relative_gain`, `converged`, `promoted`. `preview`: `run_id`, `attempt`, `iteration`, `iterations`, `psnr`"
        " (dB). `export`: `export_id`, `version`, `format`, `bytes`. `replace`:"
        " `image_id`, `replaces_id`, `image_index`, `generation`, `filename`, `verdict`. `rename`: `name`."
        " `start_camera`: what the project's is.",
        examples=[{"name": "Garden fountain"}],
    )
    created_at: datetime
