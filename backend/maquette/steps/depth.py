"""Depth maps of all views, rendered from the model: the named method where no depth network is configured."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.recon.depth import write_depth_map
from maquette.recon.formats import format_named
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene
from maquette.steps.folder import Folder
from maquette.steps.records import DepthMap, DepthMaps, File, Model, Warn
from maquette.steps.sink import Sink

METHOD = "rendered_median"


def render_depth_maps(
    folder: Folder, scene: Scene, model: Model, long_side: int, sink: Sink, *, views: Sequence[int] | None = None
) -> DepthMaps:
    """Write the median depth of ``views`` (None: all), at most ``long_side`` px long, world units along the camera's z.

    A depth map is made of the model and of its view: it is out of date when its view is.
    """
    sink.warn(
        Warn(
            code="depth_from_model",
            message="No depth network is configured: depth maps are rendered from the model itself.",
        )
    )
    gaussians = format_named("ply").read(folder.root / model.model.path)
    records = []
    chosen = range(len(scene.views)) if views is None else views
    for number, index in enumerate(chosen):
        view = scene.views[index]
        source = (model.model.path, folder.relative(view.image_path))
        sink.progress("depth", number / len(chosen), view.name)
        rendering = rasterize(gaussians, view.camera.resized_to(long_side), outputs=("median_depth", "alpha"))
        written = write_depth_map(rendering.median_depth, rendering.alpha, folder.depth / f"{index:04d}")
        records.append(
            DepthMap(
                view_index=index,
                method=METHOD,
                depth_min=written.depth_min,
                depth_max=written.depth_max,
                depth_mean=written.depth_mean,
                coverage=written.coverage,
                depth=File(
                    kind="depth_map",
                    path=folder.relative(written.depth_path),
                    mime="image/png",
                    made_from=source,
                ),
                heatmap=File(
                    kind="depth_heatmap",
                    path=folder.relative(written.heatmap_path),
                    mime="image/png",
                    made_from=(folder.relative(written.depth_path),),
                ),
                details={
                    "units_per_step": written.units_per_step,
                    "width": int(rendering.alpha.shape[1]),
                    "height": int(rendering.alpha.shape[0]),
                },
            )
        )
    sink.progress("depth", 1.0)
    return DepthMaps(depth_maps=tuple(records))
