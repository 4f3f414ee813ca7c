"""What a user may say to each step: the one home of every parameter's bounds, default, unit and meaning.

The API takes these models as request bodies and the command line as options, so all of them agree.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Preset = Literal["fastest", "balanced", "quality"]
Enhancement = Literal["none", "classical", "sdxl", "fixer"]
GenerateEngine = Literal["maquette", "command", "3dgs", "reconviagen", "nvdiffrec", "both"]
RefineEngine = Literal["maquette", "command", "lm", "reconviagen", "nvdiffrec", "both"]
WITHOUT_WEIGHTS: tuple[Enhancement, ...] = ("none", "classical")
"""Whose results no weights change."""


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Seed = Annotated[
    int,
    Field(ge=0, lt=2**31, description="Seed of every random choice: the same seed repeats the same result."),
]


EngineFallback = Annotated[
    bool,
    Field(
        description="Where the engine fails: let Maquette's own do the work, degraded, with the reason in `warnings`."
        " Otherwise the step fails with the engine's error."
    ),
]


class UploadParameters(_Parameters):
    """How photos are taken in."""

    remove_bg: bool = Field(False, description="Remove the background of each photo before reconstruction.")
    original_resolution: bool = Field(
        False, description="Keep the photos' own size. Otherwise the long side is reduced to 1600 px."
    )
    frames: int | None = Field(
        None,
        ge=3,
        le=200,
        description="Frames that are taken out of each video: sharp ones, well apart; fewer where the camera hardly"
        " moved. Default: by `preset`, 24 for fastest, 40 for balanced, 80 for quality.",
    )
    preset: Preset | None = Field(
        None,
        description="The preset that generate will be called with, as far as it is known: it decides how many frames"
        " are taken out of a video. Default: balanced.",
    )


class GenerateParameters(_Parameters):
    """Cameras, depth and the first model from the uploaded photos."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"preset": "balanced", "seed": 0}]})

    preset: Preset = Field(
        "balanced",
        description="How long to train: fastest for a first look, quality for the best the photos give.",
    )
    seed: Seed = 0
    iterations: int | None = Field(
        None, ge=1, le=100_000, description="Optimisation steps; each sees one photo. Default: by preset."
    )
    max_gaussians: int | None = Field(
        None, ge=100, le=5_000_000, description="Hard limit of the model's size. Default: by preset."
    )
    long_side: int | None = Field(
        None, ge=64, le=4096, description="Long side of the training images in px. Default: by preset."
    )
    sh_degree: int | None = Field(
        None,
        ge=0,
        le=3,
        description="Highest degree of the spherical harmonics: with 3 a place may look different from each side, with"
        " 0 it has one colour, in files of a quarter of the size. Default: 3. Six views always have 0.",
        examples=[3],
    )

    num_views: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Views to make of a single photo; fewer are made, and said so, where more would not be honest. "
        "Default: 16. Of no meaning where there are several photos.",
    )
    view_method: str | None = Field(
        None,
        max_length=60,
        description="What makes the views of a single photo: `relief`, or a view model by name (`maquette models "
        "list`), which is then never replaced. Default: the first view model that is installed and has a GPU, else "
        "`relief`. Of no meaning where there are several photos.",
    )
    engine: GenerateEngine = Field(
        "maquette",
        description="What makes the model: Maquette's own trainer, or a program that this server is set up for"
        " (`engines` of `GET /health`). `reconviagen`, `nvdiffrec` and `both` make the version's mesh; its model is"
        " ours.",
    )
    engine_fallback: EngineFallback = False


class RefineParameters(_Parameters):
    """Further rounds of optimisation from a stored version; each round is a version of its own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"num_iterations": 3, "learning_rate": 0.01, "convergence_threshold": 0.01}]}
    )

    num_iterations: int = Field(3, ge=1, le=50, description="Rounds at most; each makes one model version.")
    learning_rate: float = Field(
        0.01,
        gt=0,
        le=0.1,
        description="Step size, dimensionless: 0.01 stands for the trainer's own rate of every attribute, "
        "0.02 for twice that. Above 0.03 a round usually makes the model worse.",
    )
    views_to_refine: list[int] | None = Field(
        None,
        min_length=1,
        max_length=10_000,
        description="Indices of the views to mend: each is rendered from the parent version and enhanced; without an "
        "enhancement its photo is seen twice as often as the others. Default: the worst four. The photos of held-out "
        "views never teach: they may be named only where views are enhanced.",
    )
    enhancement: Enhancement | None = Field(
        None,
        description="How the views to mend are enhanced: `sdxl` and `fixer` by neural models (`maquette models list`), "
        "`classical` by denoising and sharpening, `none` not at all: the round optimises against the photos alone. "
        "Default: the best one whose weights and a GPU are on the worker, else `none`.",
    )
    prompt: str | None = Field(None, max_length=1000, description="What the photos show. `sdxl` and `fixer` only.")
    negative_prompt: str | None = Field(None, max_length=1000, description="What must not be shown. `sdxl` only.")
    strength: float | None = Field(
        None, gt=0.001, le=1, description="How far an enhanced view may leave the render. Default: the method's own."
    )
    enhancement_steps: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Length of the noise schedule; `sdxl` runs `strength` times as many. Default: the method's own.",
    )
    guidance: float | None = Field(
        None, ge=0, le=30, description="Classifier-free guidance. Default: the method's own."
    )
    from_version: int | None = Field(
        None, ge=0, le=2**31 - 1, description="The version to begin with. Default: the promoted one."
    )
    convergence_threshold: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Stop when a round's relative gain of overall quality is under this; with 0 any gain goes on.",
    )
    steps_per_iteration: int | None = Field(
        None, ge=1, le=20_000, description="Optimisation steps in a round. Default: by the model's preset."
    )
    seed: Seed = 0
    engine: RefineEngine = Field(
        "maquette",
        description="What does the rounds: Maquette's own trainer, or a program that this server is set up for"
        " (`engines` of `GET /health`), which sees the photos alone: `enhancement` must be left out or `none` then."
        " `reconviagen`, `nvdiffrec` and `both` make the mesh of the final version; the rounds are ours.",
    )
    engine_fallback: EngineFallback = False

    @model_validator(mode="after")
    def _enhanced_by_ours(self) -> Self:
        if self.engine in ("command", "lm") and self.enhancement not in (None, "none"):
            raise ValueError("views are enhanced for Maquette's own trainer only: leave enhancement out")
        return self


class ExportParameters(_Parameters):
    """A file to take away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "ply"}]})

    format: str = Field(
        "ply",
        max_length=40,
        description="Name of a format: `GET /api/v1/formats` lists them with what opens each.",
    )
    version: int | None = Field(None, ge=0, le=2**31 - 1, description="Model version. Default: the promoted one.")
    preset: Preset | None = Field(
        None,
        description="Of meshes: 30,000, 80,000 or 150,000 triangles and a texture of 1024, 2048 or 4096 px. Default: "
        "that of the version.",
    )
    filter_floaters: bool = Field(
        False, description="Leave out Gaussians that float apart from the rest; sparse background goes with them."
    )
    optimize: bool = Field(
        False,
        description="Make the file smaller, as far as the photos hardly show it (0.3 dB): leave out what contributes "
        "least, lower spherical harmonics; of meshes, halve the triangles and compress the texture. `measured_loss` "
        "tells what it cost.",
    )
    up_axis: Literal["auto", "y", "-y", "z", "captured"] = Field(
        "auto",
        description="Axis that points up in the file. Default: what programs that open the format expect. `captured`: "
        "the frame of structure-from-motion, untouched.",
    )
    scale: float = Field(1.0, gt=0, le=1e6, description="Units of the file per unit of the captured world.")
    origin: Literal["captured", "center", "ground"] = Field(
        "captured", description="What stands at 0, 0, 0: as captured, the model's middle, or the ground below that."
    )
    crop: tuple[float, float, float, float, float, float] | None = Field(
        None,
        description="Keep only the box of xmin, ymin, zmin, xmax, ymax, zmax, in the file's own frame and unit.",
        examples=[None],
    )
    light: bool = Field(
        False,
        description="Of a bundle: leave out checkpoints and other intermediates. What it is imported as can be looked"
        " at and exported, and refined only after another generate.",
    )

    @field_validator("crop")
    @classmethod
    def _spans_a_box(cls, crop: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if crop is not None and not all(low < high for low, high in zip(crop[:3], crop[3:], strict=True)):
            raise ValueError("each minimum must be below its maximum: xmin, ymin, zmin, xmax, ymax, zmax")
        return crop
