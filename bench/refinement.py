"""What refining gives: rounds, a branch, a repetition, and going on against training as long in one go.

    python -m bench.refinement PHOTOS [--preset fastest] [--rounds 3] [--steps N] [--out FOLDER] [--enhancement none]

Prints a line for each version (held-out PSNR and SSIM of the fixed evaluation set, seconds, gain per second), then what
a branch from v1 and a second run of the same seed give, then the continued model beside one trained as long in one go.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from maquette.cli.taking_in import index_images, lay
from maquette.client.inputs import gather
from maquette.steps import STEPS
from maquette.steps.folder import Folder
from maquette.steps.records import Images, Model, Preview, Record, Warn


class Listener:
    """Keeps records, prints nothing but warnings."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Nobody watches."""

    def keep(self, record: Record) -> None:
        """Remember."""
        self.records.append(record)

    def show(self, preview: Preview) -> None:
        """Nobody looks."""

    def warn(self, warning: Warn) -> None:
        """Say it."""
        print(f"  ({warning.code})", flush=True)


def place(photos: Path, root: Path) -> None:
    """Upload into ``root``."""
    folder, sink = Folder(root), Listener()
    lay(gather([photos]), folder)
    STEPS["upload"].run(root, {}, sink)
    index_images(folder, next(record for record in sink.records if isinstance(record, Images)))


def run(step: str, root: Path, **parameters: Any) -> list[Model]:
    """The versions that a step makes."""
    sink = Listener()
    STEPS[step].run(root, parameters, sink)
    return [record for record in sink.records if isinstance(record, Model)]


def line(model: Model, before: Model | None = None) -> str:
    """Its numbers; with ``before`` what it gained, and how fast."""
    mean = model.mean()
    assert mean is not None
    said = f"v{model.version} from {model.parent_version}: {mean.psnr:.2f} dB {mean.ssim:.4f}, {model.iterations} it."
    if before is not None and model.iteration is not None:
        old = before.mean()
        assert old is not None
        gain = mean.psnr - old.psnr
        said += (
            f", {gain:+.2f} dB in {model.iteration.seconds:.1f} s: {1000 * gain / model.iteration.seconds:+.1f} mdB/s"
        )
        said += f", {'promoted' if model.promote else 'kept'}"
    return f"{said} (load {os.getloadavg()[0]:.1f})"


def copy_of(root: Path, name: str) -> Path:
    """The cameras and photos of ``root``, and nothing that was trained."""
    target = root.with_name(name)
    shutil.copytree(root, target, ignore=shutil.ignore_patterns("models", "training"))
    return target


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--preset", default="fastest")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="optimisation steps in a round (by preset)")
    parser.add_argument("--enhancement", default="none")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    root = (asked.out or Path(tempfile.mkdtemp())) / "first"
    root.mkdir(parents=True)
    rounds = {"num_iterations": asked.rounds, "convergence_threshold": 0.0, "enhancement": asked.enhancement}
    if asked.steps:
        rounds["steps_per_iteration"] = asked.steps
    place(asked.photos, root)

    (first,) = run("generate", root, preset=asked.preset, seed=0)
    print(line(first), flush=True)
    versions = [first]
    for model in run("refine", root, from_version=0, **rounds):
        print(line(model, versions[-1]), flush=True)
        versions.append(model)
    if len(versions) > 1:
        (branch,) = run("refine", root, from_version=1, **{**rounds, "num_iterations": 1}, seed=1)
        print("branch", line(branch, versions[1]), flush=True)

    again = copy_of(root, "again")
    (repeated,) = run("generate", again, preset=asked.preset, seed=0)
    print("again ", line(repeated), flush=True)
    for model in run("refine", again, from_version=0, **{**rounds, "num_iterations": 1}):
        print("again ", line(model, repeated), flush=True)

    whole = copy_of(root, "whole")
    settings = first.details["settings"]
    (longer,) = run("generate", whole, preset=asked.preset, seed=0, iterations=versions[-1].iterations)
    print(f"one go, {settings['iterations']} -> {longer.iterations} it.:", line(longer), flush=True)
    print(root.parent)


if __name__ == "__main__":
    main()
