"""What a step hands over as soon as it is finished: rows-to-be and the files that belong to them.

Paths are relative to the step's folder. Whoever listens (the worker, or the command line) makes them durable.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from maquette.recon.quality import Quality

Split = Literal["training", "held_out"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class File(_Record):
    """A file the step wrote; ``made_from`` names the paths of the files it was made from (lineage)."""

    kind: str
    path: str
    mime: str
    made_from: tuple[str, ...] = ()


class Reason(_Record):
    """Why a photo got its verdict, and what to do about it."""

    code: str
    message: str
    suggestion: str = ""


class Image(_Record):
    """One photo as uploaded, with its verdict; ``processed`` is None for a rejected one."""

    image_index: int
    filename: str
    verdict: Literal["ok", "warning", "rejected"]
    reasons: tuple[Reason, ...] = ()
    sha256: str
    width: int | None = None
    height: int | None = None
    original_width: int | None = None
    original_height: int | None = None
    sharpness: float | None = None
    exposure: float | None = None
    focal_px: float | None = None
    kind: Literal["photo", "frame", "view", "depth_render"] = "photo"
    details: dict[str, Any] = {}
    original: File | None = None
    processed: File | None = None
    mask: File | None = None


class Images(_Record):
    """All photos of one upload. ``poses``: known cameras that came with them, called as programs call them.
    ``videos``: what is to be said of each video as a whole.
    """

    type: Literal["images"] = "images"
    images: tuple[Image, ...]
    poses: tuple[File, ...] = ()
    videos: tuple[dict[str, Any], ...] = ()


class View(_Record):
    """An undistorted photo with its camera (see recon.cameras.Camera.as_dict)."""

    view_index: int
    name: str
    split: Split
    camera: dict[str, Any]
    image: File
    method: str = "photo"
    mask: File | None = None
    prior: File | None = None
    photo: str = ""
    """Name of the processed photo that it shows or was made from, where that is not its own name."""
    details: dict[str, Any] = {}
    """Of a view that was made: from where it looks. Of one that was made again: how its photo was placed."""


class Placement(_Record):
    """Whether structure-from-motion could place a photo; ``name`` is that of its processed image."""

    name: str
    filename: str = ""
    placed: bool
    reason: str = ""
    details: dict[str, Any] = {}


class Views(_Record):
    """Cameras of all placed photos, and the evaluation set that was fixed or kept."""

    type: Literal["views"] = "views"
    views: tuple[View, ...]
    placements: tuple[Placement, ...]
    scene_files: tuple[File, ...]
    eval_names: tuple[str, ...]
    eval_width: int
    eval_height: int
    statistics: dict[str, Any] = {}
    capture: dict[str, Any] | None = None


class RenewedView(View):
    """A view made again from a photo that replaced its own."""


class RenewedViews(_Record):
    """Views made again, and the file of all cameras as they are now; every other view stays as it is."""

    type: Literal["renewed_views"] = "renewed_views"
    views: tuple[RenewedView, ...]
    cameras: File


class Metric(_Record):
    """PSNR (dB), SSIM and what else was measured of one view, or their mean where ``view_index`` is None.

    ``width`` and ``height``, px, are those it was measured at, of a mean those of the largest view; ``mask`` says
    whether a mask chose what counts, ``some`` of a mean over views with and without. None: a row from before these
    were recorded.
    """

    split: Split
    view_index: int | None
    psnr: float
    ssim: float
    lpips: float | None = None
    depth_consistency: float | None = None
    overall_quality: float | None = None
    width: int | None = None
    height: int | None = None
    mask: Literal["none", "masked", "some"] | None = None
    colour: str | None = None
    lpips_weights: str | None = None

    def quality(self) -> Quality:
        """The terms of overall quality."""
        return Quality(self.psnr, self.ssim, self.lpips, self.depth_consistency)


class EnhancedView(_Record):
    """What a refine round rendered of a view from its parent version, and what an enhancement made of that.

    ``enhanced`` is None with the method ``none``, which optimises against the photos alone. ``confidence`` says how far
    each of its pixels may teach: 8-bit grey, 255 fully. ``details``: all else that is known of the making.
    """

    view_index: int
    method: str
    rendered: File
    enhanced: File | None = None
    confidence: File | None = None
    model: str | None = None
    model_revision: str | None = None
    prompt: str | None = None
    strength: float | None = None
    seed: int | None = None
    details: dict[str, Any] = {}


class Iteration(_Record):
    """What one refine round did to quality, and the views it looked at."""

    iteration: int
    method: str
    quality_before: float
    quality_after: float
    relative_gain: float
    converged: bool
    seconds: float
    views: tuple[EnhancedView, ...] = ()


class Losses(_Record):
    """The training loss on the way to a version: medians over intervals of about ``every`` iterations, each named by
    the last one that it holds. ``definition`` says what the loss is.
    """

    definition: str
    every: int
    iterations: tuple[int, ...]
    losses: tuple[float, ...]


class Model(_Record):
    """A model version with its metrics; ``iteration`` is set when a refine round made it.

    ``bounds`` of its Gaussians' centres, world units: ``min``, ``max``, ``p1``, ``p99``; ``bytes`` of the model file;
    ``seconds`` of its training; ``degraded``: the sanity gate found fault (``details.sanity`` says what).
    """

    type: Literal["model"] = "model"
    version: int
    parent_version: int | None
    method: Literal["generate", "refine"]
    promote: bool
    num_gaussians: int
    num_gaussians_unfiltered: int
    sh_degree: int
    iterations: int
    model: File
    unfiltered: File
    filtered: File
    checkpoint: File
    preview: File
    metrics: tuple[Metric, ...]
    iteration: Iteration | None = None
    losses: Losses | None = None
    bounds: dict[str, tuple[float, float, float]] | None = None
    bytes: int | None = None
    seconds: float | None = None
    degraded: bool = False
    details: dict[str, Any] = {}

    def mean(self, split: Split = "held_out") -> Metric | None:
        """The mean metric of a split, or None where the split was not measured."""
        return next((m for m in self.metrics if m.split == split and m.view_index is None), None)


class DepthMap(_Record):
    """One view's depth in world units along z.

    Of a network's depth also how it was brought to the scene's scale (:class:`maquette.recon.depth.align.Alignment`)
    and its mean ``confidence``, 0 to 1; None where ``method`` is ``rendered_median``.
    """

    view_index: int
    method: str
    depth_min: float | None
    depth_max: float | None
    depth_mean: float | None
    coverage: float
    confidence: float | None = None
    scale: float | None = None
    shift: float | None = None
    residual: float | None = None
    inlier_share: float | None = None
    points: int | None = None
    depth: File
    heatmap: File
    details: dict[str, Any] = {}


class DepthMaps(_Record):
    """Depth maps of all views of a generate, or of those that a refine made again."""

    type: Literal["depth_maps"] = "depth_maps"
    depth_maps: tuple[DepthMap, ...]


class MeshFile(_Record):
    """A file of a mesh under the name that a user finds it by."""

    name: str
    file: File


class MadeMesh(_Record):
    """A textured surface of a version, which exports are written from.

    ``filtered``: made of the version without its floaters. ``method``: how, as ``tsdf/baked``. ``observed_share`` of
    its texels; None without a texture. ``psnr`` (dB) and ``ssim`` over the pixels that it covers in the photos of
    ``split``.
    """

    type: Literal["mesh"] = "mesh"
    version: int
    preset: Literal["fastest", "balanced", "quality"]
    filtered: bool
    method: str
    triangles: int
    vertices: int
    watertight: bool
    texture_px: int | None
    observed_share: float | None
    split: Split | None
    psnr: float | None
    ssim: float | None
    degraded: bool
    seconds: float
    files: tuple[MeshFile, ...]
    details: dict[str, Any] = {}


class Export(_Record):
    """A file made for the user."""

    type: Literal["export"] = "export"
    version: int
    format: str
    options: dict[str, Any]
    file: File
    seconds: float
    measured_loss: dict[str, Any] | None = None
    details: dict[str, Any] = {}


Record = Annotated[Images | Views | RenewedViews | Model | DepthMaps | MadeMesh | Export, Field(discriminator="type")]


class Preview(_Record):
    """How a training looks just now: one view rendered, to be seen beside its photo. It is no result: whoever listens
    may show it, or not.

    ``psnr`` (dB) compares the two at ``width`` x ``height`` px; ``iteration`` of ``iterations``, both counted from the
    very first one. ``picture``: JPEG.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    view_index: int
    iteration: int
    iterations: int
    psnr: float
    width: int
    height: int
    picture: bytes


class Warn(_Record):
    """Something the user should know; ``degraded`` where a fallback stood in for the real thing."""

    code: str
    message: str
    suggestion: str = ""
    degraded: bool = False
