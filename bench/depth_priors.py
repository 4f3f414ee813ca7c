"""Whether depth known beforehand helps a model of few photos: held-out quality without and with it, by its weight.

    python -m bench.depth_priors FOLDER [--photos 3 6 9] [--weights 0 0.1 0.5 2] [--priors classical network …]
        [--size 240] [--seeds 0] [--work DIR]

FOLDER holds ``transforms.json`` and its images: cameras are given, so only the prior is tested. Every 8th photo in name
order is held out whatever the number; the training photos are chosen evenly among the others, and the sparse points
are triangulated from them alone. Priors:

``classical``  the sparse points interpolated (maquette.recon.depth.classical)
``network``    a stand-in for a depth network, since none could be had: the expected depth of a model of all photos (the
               held-out ones too), as inverse depth at 1/4 size with a blur, a slow error over the picture of 5 % and
               noise of 1 %, in an unknown scale and shift; then aligned to the sparse points like a network's
``poor``       the same with a slow error of 15 %, as networks have that never saw the like
``perfect``    the same without errors and without alignment: what no network can reach
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from maquette.recon.depth.align import align
from maquette.recon.depth.classical import interpolated
from maquette.recon.depth.confidence import confidence_map
from maquette.recon.depth.errors import DepthNotAlignedError, TooFewDepthPointsError
from maquette.recon.depth.sightings import sight
from maquette.recon.evaluate import evaluate
from maquette.recon.formats import format_named
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene, View
from maquette.recon.scene_files import load_scene
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings

TRUTH_PX = 480
"""Longer side at which the model of all photos is trained and its depth rendered."""

BENT = {"network": 0.05, "poor": 0.15}


def few(folder: Path, whole: Scene, count: int, work: Path) -> Scene:
    """A scene of so many training photos of the ``whole``, with points of their own."""
    chosen = [whole.training[i] for i in np.rint(np.linspace(0, len(whole.training) - 1, count)).astype(int)]
    names = {Path(whole.views[i].name).name for i in chosen}
    data = json.loads((folder / "transforms.json").read_text())
    frames = [frame for frame in data["frames"] if Path(frame["file_path"]).name in names]
    for frame in frames:
        frame["file_path"] = str((folder / frame["file_path"]).resolve())
    place = work / f"few{count}"
    place.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data | {"frames": frames})
    if not (place / "transforms.json").is_file() or (place / "transforms.json").read_text() != text:
        (place / "transforms.json").write_text(text)
    return load_scene(place, cache_dir=work / "cache")


def oracle(whole: Scene, work: Path) -> Path:
    """A model of all photos, trained once."""
    path = work / "all_photos.ply"
    if not path.is_file():
        settings = TrainSettings(iterations=3000, max_side_px=TRUTH_PX, max_gaussians=150_000)
        for step in train(whole, settings, views=range(len(whole.views))):
            last = step
        format_named("ply").write(last.gaussians, path, provenance={})
    return path


def true_inverse(model: Path, view: View) -> np.ndarray:
    """Inverse depth of the model of all photos at the photo's size, 0 where it shows nothing."""
    seen = rasterize(
        format_named("ply").read(model), view.camera.resized_to(TRUTH_PX), outputs=("median_depth", "alpha")
    )
    depth = np.where(seen.alpha >= 0.5, seen.median_depth, 0)
    inverse = np.divide(1.0, depth, out=np.zeros_like(depth, np.float32), where=depth > 0)
    return cv2.resize(inverse, (view.camera.width, view.camera.height), interpolation=cv2.INTER_NEAREST)


def as_a_network(inverse: np.ndarray, bent: float, rng: np.random.Generator) -> np.ndarray:
    """What a network might have said of it: in its own scale, blurred, bent and a little noisy."""
    height, width = inverse.shape
    small = cv2.resize(inverse, (width // 16, height // 16), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.7)
    bend = cv2.resize(rng.normal(0, 1, (4, 4)).astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_CUBIC)
    small = small * (1 + bent * bend + 0.01 * rng.normal(0, 1, small.shape)).astype(np.float32)
    return cv2.resize(37.0 * small + 4.0, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def with_prior(scene: Scene, kind: str, model: Path, work: Path) -> tuple[Scene, list[str]]:
    """The scene with depths of one kind, and a word on each view."""
    rng = np.random.default_rng(5)
    views, words = [], []
    for view in scene.views:
        seen = sight(view.camera, scene.points)
        truth = true_inverse(model, view)
        inverse = truth
        try:
            if kind in BENT:
                relative = as_a_network(truth, BENT[kind], rng)
                line = align(relative, seen)
                inverse = line.inverse(relative)
            elif kind == "classical":
                inverse = interpolated(load_pixels(view), seen)
        except (DepthNotAlignedError, TooFewDepthPointsError) as refusal:
            words.append(f"{view.name}: {refusal.message}")
            views.append(view)
            continue
        both = (inverse > 0) & (truth > 0)
        error = float(np.median(np.abs(inverse[both] - truth[both]) / truth[both]))
        trust = float(confidence_map(inverse, seen).mean())
        words.append(f"{Path(view.name).name}: {len(seen)} points, median error {error:.3f}, confidence {trust:.2f}")
        depth = np.divide(1.0, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        path = work / f"{kind}{len(scene.views)}_{Path(view.name).stem}.npy"
        np.save(path, depth.astype(np.float32))
        views.append(replace(view, depth_path=path))
    return replace(scene, views=tuple(views)), words


def load_pixels(view: View) -> np.ndarray:
    return np.ascontiguousarray(load_photo(view, 1.0).pixels.transpose(1, 2, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, nargs="+", default=[3, 6, 9])
    parser.add_argument("--weights", type=float, nargs="+", default=[0.1, 0.5, 2.0])
    parser.add_argument("--priors", nargs="*", default=["classical", "network", "perfect"])
    parser.add_argument("--size", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=200, help="how often each photo is seen")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args()

    whole = load_scene(asked.folder, cache_dir=asked.work / "cache")
    model = oracle(whole, asked.work)
    print(f"held out: {', '.join(Path(whole.views[i].name).name for i in whole.held_out)}")
    for count in asked.photos:
        bare = few(asked.folder, whole, count, asked.work)
        print(f"{count} photos, {len(bare.points)} points", flush=True)
        variants: list[tuple[str, Scene, float]] = [("none", bare, 0.0)]
        for kind in asked.priors:
            scene, words = with_prior(bare, kind, model, asked.work)
            print("\n".join(f"  {kind}: {word}" for word in words), flush=True)
            variants += [(kind, scene, weight) for weight in asked.weights]
        for kind, scene, weight in variants:
            for seed in asked.seeds:
                began = time.process_time()
                settings = TrainSettings(
                    iterations=asked.rounds * count,
                    max_side_px=asked.size,
                    opacity_weight=0.01,
                    depth_weight=weight,
                    depth_seeds=kind != "none",
                    seed=seed,
                )
                for step in train(scene, settings, views=range(count)):
                    last = step
                # The held-out photos are those of the whole scene; the worlds are the same.
                rows = evaluate(last.gaussians, whole, whole.held_out, max_side_px=asked.size)
                print(
                    f"{count:3} {kind:10} weight {weight:<5} seed {seed} "
                    f"{np.mean([row.psnr for row in rows]):6.2f} dB {np.mean([row.ssim for row in rows]):.4f} "
                    f"{last.gaussian_count:6} Gaussians {time.process_time() - began:5.0f} s CPU "
                    f"load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
