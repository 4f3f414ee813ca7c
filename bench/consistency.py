"""What the multi-view weighting saves a model from: half of the enhanced views are true, half corrupted on purpose.

    python -m bench.consistency [--scene synthetic|FOLDER] [--size 240] [--seeds 0 1 2] [--kinds mixed colours shift …]

A parent is trained on every ``--anchors``-th of the views that are not held out. Each of the others plays an enhanced
view: its parent's render is what the parent shows there, its picture the truth (half of them, drawn by the seed) or a
corruption of it. Then the parent is refined with the same number of iterations on the photos alone, on photos and all
enhanced views as they are, on the same with weights, and on photos and the true half only, which is the bound. Prints
held-out PSNR and SSIM as a markdown table: for each seed, and the mean over seeds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.evaluate import evaluate, to_8_bit
from maquette.recon.multiview import EnhancedView, ViewWeights, WeightSettings, mix, weigh
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene, View
from maquette.recon.scene_files import load_scene
from maquette.recon.synthetic import make_capture
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings, refine_settings

Picture = np.ndarray


def wrong_colours(picture: Picture, another: Picture, rng: np.random.Generator) -> Picture:
    return picture[..., [2, 0, 1]]


def shifted(picture: Picture, another: Picture, rng: np.random.Generator) -> Picture:
    """By 8 % of the width in any direction."""
    height, width = picture.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    move = np.float32([[1, 0, 0.08 * width * np.cos(angle)], [0, 1, 0.08 * width * np.sin(angle)]])
    return cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REFLECT)


def with_an_object(picture: Picture, another: Picture, rng: np.random.Generator) -> Picture:
    """An ellipse over a quarter of the picture."""
    height, width = picture.shape[:2]
    centre = (int(rng.uniform(0.35, 0.65) * width), int(rng.uniform(0.35, 0.65) * height))
    radii = (int(0.3 * width), int(0.3 * height))
    return cv2.ellipse(picture.copy(), centre, radii, rng.uniform(0, 180), 0, 360, (250, 40, 160), -1)


def blurred(picture: Picture, another: Picture, rng: np.random.Generator) -> Picture:
    """By a fortieth of the width."""
    return cv2.GaussianBlur(picture, (0, 0), picture.shape[1] / 40)


def of_another_view(picture: Picture, another: Picture, rng: np.random.Generator) -> Picture:
    return another


CORRUPTIONS: dict[str, Callable[[Picture, Picture, np.random.Generator], Picture]] = {
    "colours": wrong_colours,
    "shift": shifted,
    "object": with_an_object,
    "blur": blurred,
    "other": of_another_view,
}
TRUE = "true"
ARMS = ("before", "photos", "unweighted", "weighted", "clean half")


@dataclass(frozen=True, eq=False)
class Parent:
    """A model to refine: its state, the photos it knows, those it is judged by, and cameras to enhance."""

    scene: Scene
    held_out: tuple[int, ...]
    anchors: tuple[int, ...]
    others: tuple[int, ...]
    settings: TrainSettings
    state: Checkpoint


@dataclass(frozen=True, eq=False)
class Enhanced:
    """An enhanced view and what was done to it, a name in :data:`CORRUPTIONS` or :data:`TRUE`."""

    view: EnhancedView
    kind: str


def make_parent(scene: Scene, *, anchor_every: int, iterations: int, seed: int) -> Parent:
    """Train on every ``anchor_every``-th of the views that are not held out."""
    training = scene.training
    anchors = training[anchor_every // 2 :: anchor_every]
    settings = TrainSettings(iterations=iterations, seed=seed, max_gaussians=30_000)
    *_, last = train(scene, settings, views=anchors)
    others = tuple(i for i in training if i not in anchors)
    return Parent(scene, scene.held_out, anchors, others, settings, last.checkpoint())


def enhance(parent: Parent, kinds: Sequence[str], folder: Path, seed: int) -> list[Enhanced]:
    """Truth for half of the other views, the ``kinds`` of corruption in turn for the rest."""
    rng = np.random.default_rng([seed, 7])
    corrupted = sorted(rng.permutation(parent.others)[: len(parent.others) // 2].tolist())
    folder.mkdir(parents=True)
    made = []
    for place, index in enumerate(parent.others):
        view = parent.scene.views[index]
        picture = read(view.image_path)
        kind = TRUE
        if index in corrupted:
            kind = kinds[corrupted.index(index) % len(kinds)]
            another = parent.scene.views[parent.others[(place + len(parent.others) // 3) % len(parent.others)]]
            picture = CORRUPTIONS[kind](picture, read(another.image_path), rng)
        render = to_8_bit(forward(parent.state.gaussians, view.camera).image)
        paths = folder / f"{index:03d}_enhanced.png", folder / f"{index:03d}_render.png"
        for path, pixels in zip(paths, (picture, render), strict=True):
            write(pixels, path)
        made.append(Enhanced(EnhancedView(View(view.name, view.camera, paths[0]), paths[1]), kind))
    return made


def weigh_all(
    parent: Parent, enhanced: Sequence[Enhanced], settings: WeightSettings | None = None
) -> list[ViewWeights]:
    photos = [parent.scene.views[i] for i in parent.anchors]
    return list(weigh(parent.state.gaussians, photos, [one.view for one in enhanced], settings))


def refine_arms(
    parent: Parent,
    enhanced: Sequence[Enhanced],
    weighed: Sequence[ViewWeights],
    folder: Path,
    *,
    iterations: int,
    rate_scale: float,
    enhanced_share: float,
    arms: Sequence[str] = ARMS,
) -> dict[str, tuple[float, float]]:
    """Held-out PSNR (dB) and SSIM of each arm."""

    def unmasked(views: Sequence[Enhanced]) -> tuple[Scene, tuple[int, ...]]:
        first = len(parent.scene.views)
        scene = replace(parent.scene, views=(*parent.scene.views, *(one.view.picture for one in views)))
        return scene, (*parent.anchors, *range(first, first + len(views)))

    def refined(scene: Scene, views: Sequence[int]) -> Checkpoint:
        start = replace(parent.state.copy(), waiting=np.empty(0, np.int64))
        settings = refine_settings(
            parent.settings, from_iteration=start.iteration, iterations=iterations, rate_scale=rate_scale
        )
        *_, last = train(scene, settings, start=start, views=views)
        return last.checkpoint()

    def score(state: Checkpoint) -> tuple[float, float]:
        found = evaluate(state.gaussians, parent.scene, parent.held_out)
        return float(np.mean([one.psnr for one in found])), float(np.mean([one.ssim for one in found]))

    mixture = mix(parent.scene, parent.anchors, weighed, folder, enhanced_share=enhanced_share)
    states: dict[str, Callable[[], Checkpoint]] = {
        "before": lambda: parent.state,
        "photos": lambda: refined(parent.scene, parent.anchors),
        "unweighted": lambda: refined(*unmasked(enhanced)),
        "weighted": lambda: refined(mixture.scene, mixture.views),
        "clean half": lambda: refined(*unmasked([one for one in enhanced if one.kind == TRUE])),
    }
    return {arm: score(states[arm]()) for arm in arms}


def shrunk(scene: Scene, size: int, folder: Path) -> Scene:
    """The scene with its photos and cameras at most ``size`` pixels wide and high."""
    folder.mkdir(parents=True)
    views = []
    for index, view in enumerate(scene.views):
        photo = load_photo(view, 1.0, size)
        path = folder / f"{index:03d}.png"
        write(photo.pixels.transpose(1, 2, 0), path)
        views.append(View(view.name, photo.camera, path))
    return replace(scene, views=tuple(views))


def read(path: Path) -> Picture:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def write(pixels: Picture, path: Path) -> None:
    cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))


def told(enhanced: Sequence[Enhanced], weighed: Sequence[ViewWeights]) -> str:
    """Mean agreement with the photos and mean weight of each kind."""
    kinds = sorted({one.kind for one in enhanced}, key=lambda kind: (kind != TRUE, kind))
    parts = []
    for kind in kinds:
        mine = [weights for one, weights in zip(enhanced, weighed, strict=True) if one.kind == kind]
        agreement = np.mean([one.agreement for one in mine])
        parts.append(f"{kind} {agreement:.2f}/{np.mean([one.weights.mean() for one in mine]):.2f}")
    return ", ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", default="synthetic")
    parser.add_argument("--cache", type=Path, help="where loaded scenes are kept; points may have to be triangulated")
    parser.add_argument("--size", type=int, default=240, help="longer side, pixels")
    parser.add_argument("--anchors", type=int, default=3, help="one of so many views is a photo of the parent")
    parser.add_argument("--parent", type=int, default=800, help="iterations of the parent")
    parser.add_argument("--iterations", type=int, default=300, help="of one refinement round")
    parser.add_argument("--rate-scale", type=float, default=3.0)
    parser.add_argument("--share", type=float, default=1.0, help="limit of the enhanced views' total weight")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", default=["mixed", *CORRUPTIONS])
    chosen = parser.parse_args()
    print(f"| seed | kind | {' | '.join(ARMS)} | agreement with photos / weight | weighing s | load |")
    print(f"|{'---|' * (len(ARMS) + 5)}", flush=True)
    found: dict[str, list[dict[str, tuple[float, float]]]] = {kind: [] for kind in chosen.kinds}
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as name:
        work = Path(name)
        for seed in chosen.seeds:
            if chosen.scene == "synthetic":
                capture = make_capture(
                    work / f"photos{seed}", views=32, width=chosen.size, height=chosen.size * 3 // 4, seed=seed
                )
                scene = capture.scene(points=2000)
            else:
                scene = shrunk(
                    load_scene(Path(chosen.scene), cache_dir=chosen.cache or work / "cache"),
                    chosen.size,
                    work / f"small{seed}",
                )
            parent = make_parent(scene, anchor_every=chosen.anchors, iterations=chosen.parent, seed=seed)
            kept: dict[str, tuple[float, float]] = {}
            for kind in chosen.kinds:
                folder = work / f"{seed}{kind}"
                enhanced = enhance(parent, list(CORRUPTIONS) if kind == "mixed" else [kind], folder / "views", seed)
                began = time.perf_counter()
                weighed = weigh_all(parent, enhanced)
                seconds = time.perf_counter() - began
                arms = [arm for arm in ARMS if arm not in kept]
                scores = kept | refine_arms(
                    parent,
                    enhanced,
                    weighed,
                    folder,
                    iterations=chosen.iterations,
                    rate_scale=chosen.rate_scale,
                    enhanced_share=chosen.share,
                    arms=arms,
                )
                # These do not depend on the corruption
                kept = {arm: scores[arm] for arm in ("before", "photos", "clean half")}
                found[kind].append(scores)
                cells = " | ".join("{:.2f} / {:.3f}".format(*scores[arm]) for arm in ARMS)
                load = os.getloadavg()[0]
                print(
                    f"| {seed} | {kind} | {cells} | {told(enhanced, weighed)} | {seconds:.1f} | {load:.1f} |",
                    flush=True,
                )
    for kind, rows in found.items():
        means = (np.mean([row[arm] for row in rows], axis=0) for arm in ARMS)
        print(f"| mean | {kind} | {' | '.join('{:.2f} / {:.3f}'.format(*mean) for mean in means)} | | | |")


if __name__ == "__main__":
    main()
