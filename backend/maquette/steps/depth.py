"""Depth maps of all views: by the depth network, in the scale of the sparse points; else rendered from the model.

The row of each says which it was (``method``), and why a network that is there was not believed of that view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maquette.errors import MaquetteError
from maquette.recon.depth.errors import DepthNotAlignedError
from maquette.recon.depth.maps import DepthMapRecord, write_depth_map
from maquette.recon.depth.scene_depths import DISAGREES
from maquette.recon.depth.views import NOT_BELIEVED, network_depth, write_view_depth
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import POINTS_FILE
from maquette.steps.folder import Folder
from maquette.steps.network_use import UsedNetwork, tell_of_cpu, use_network, what_would_help
from maquette.steps.records import DepthMap, DepthMaps, File, Model, Warn
from maquette.steps.rig_input import VIEW
from maquette.steps.sink import Sink

METHOD = "rendered_median"
COLUMNS = ("method", "confidence", "scale", "shift", "residual", "inlier_share", "points")
"""What a network's depth has a field of its own for."""
NAMED = 5
"""Photos that a warning names; the rows name all."""
SHOWN = 128
"""Weight in a photo's mask, of 255, from which on a pixel is part of what is shown."""


def make_depth_maps(
    folder: Folder, scene: Scene, model: Model, long_side: int, sink: Sink, *, views: Sequence[int] | None = None
) -> DepthMaps:
    """Write the depth of ``views`` (None: all), at most ``long_side`` px long, world units along the camera's z.

    A depth map is made of its view, and of the sparse points or of the model: it is out of date when its view is. Six
    views that came with their depth are not asked about again: the model was made of that.
    """
    network = _network(folder, sink)
    gaussians = format_named("ply").read(folder.root / model.model.path)
    records: list[DepthMap] = []
    refused: dict[int, MaquetteError] = {}
    chosen = range(len(scene.views)) if views is None else views
    for number, index in enumerate(chosen):
        sink.progress("depth", number / len(chosen), scene.views[index].name)
        if network is not None:
            try:
                records.append(_by_network(folder, scene, index, network, long_side))
                continue
            except NOT_BELIEVED as error:
                refused[index] = error
        records.append(_rendered(folder, scene, index, model, gaussians, long_side, refused.get(index)))
    if network is not None:
        _tell_refusals(folder, scene, network, refused, len(chosen), sink)
    sink.progress("depth", 1.0)
    return DepthMaps(depth_maps=tuple(records))


def _network(folder: Folder, sink: Sink) -> UsedNetwork | None:
    """The network to ask; where there is none that is told, with what would bring one."""
    network, mend = None, ""
    if VIEW not in folder.kinds().values():
        network = use_network(folder, sink, otherwise="The depth maps were rendered from the model instead.")
        mend = what_would_help(folder.weights())
    if network is not None:
        tell_of_cpu(network, sink)
        return network
    message = "No depth network is used: depth maps are rendered from the model itself."
    sink.warn(Warn(code="depth_from_model", message=message, suggestion=mend))
    return None


def _by_network(folder: Folder, scene: Scene, index: int, network: UsedNetwork, long_side: int) -> DepthMap:
    """Raises one of ``NOT_BELIEVED``. The network looks at the whole photo, however small the map becomes."""
    view = scene.views[index]
    photo = load_photo(view, 1.0)
    pixels = np.ascontiguousarray(photo.pixels.transpose(1, 2, 0))
    found = network_depth(pixels, view.camera, scene.points, network.estimator)
    if photo.weights is not None:
        found = found.shown(photo.weights >= SHOWN)
    small = view.camera.resized_to(long_side)
    found = found.resized(small.width, small.height)
    details = {**found.details(), "sha256": network.sha256}
    return _record(
        folder,
        index,
        write_view_depth(found, folder.depth / f"{index:04d}"),
        made_from=(folder.relative(view.image_path), folder.relative(folder.scene / POINTS_FILE)),
        columns={name: details.pop(name) for name in COLUMNS},
        details=details,
    )


def _rendered(
    folder: Folder,
    scene: Scene,
    index: int,
    model: Model,
    gaussians: Gaussians,
    long_side: int,
    refused: MaquetteError | None,
) -> DepthMap:
    """``refused``: why the network's depth does not stand here."""
    view = scene.views[index]
    rendering = rasterize(gaussians, view.camera.resized_to(long_side), outputs=("median_depth", "alpha"))
    height, width = rendering.alpha.shape
    passed_over = {} if refused is None else {"passed_over": refused.as_dict()}
    return _record(
        folder,
        index,
        write_depth_map(rendering.median_depth, rendering.alpha, folder.depth / f"{index:04d}"),
        made_from=(model.model.path, folder.relative(view.image_path)),
        columns={"method": METHOD},
        details={"width": int(width), "height": int(height), **passed_over},
    )


def _record(
    folder: Folder,
    index: int,
    written: DepthMapRecord,
    *,
    made_from: tuple[str, ...],
    columns: Mapping[str, Any],
    details: Mapping[str, Any],
) -> DepthMap:
    depth, heatmap = folder.relative(written.depth_path), folder.relative(written.heatmap_path)
    return DepthMap(
        view_index=index,
        depth_min=written.depth_min,
        depth_max=written.depth_max,
        depth_mean=written.depth_mean,
        coverage=written.coverage,
        depth=File(kind="depth_map", path=depth, mime="image/png", made_from=made_from),
        heatmap=File(kind="depth_heatmap", path=heatmap, mime="image/png", made_from=(depth,)),
        details={"units_per_step": written.units_per_step, **details},
        **columns,
    )


def _tell_refusals(
    folder: Folder, scene: Scene, network: UsedNetwork, refused: Mapping[int, MaquetteError], asked: int, sink: Sink
) -> None:
    """One warning for each kind of reason, with the photos as the user calls them."""
    filenames = folder.filenames()
    for code in dict.fromkeys(error.code for error in refused.values()):
        those = [index for index, error in refused.items() if error.code == code]
        names = [scene.views[index].name for index in those]
        called = ", ".join(filenames.get(name, name) for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
        first = refused[those[0]]
        sink.warn(
            Warn(
                code=DISAGREES if code == DepthNotAlignedError.code else code,
                message=f"{network.name} was passed over for {len(those)} of {asked} views ({called}), whose depth maps"
                f" were rendered from the model instead. {first.message}",
                suggestion=first.suggestion,
                degraded=True,
            )
        )
