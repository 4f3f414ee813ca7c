"""Every reader of bytes that a user sends, with sound files for it that our own writers made."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.recon.formats import FORMATS
from tests.fuzzing import seeds as made
from tests.fuzzing.mutations import Mutate, by_name, in_zip, packed, spoil, spoil_json


@dataclass(frozen=True)
class Target:
    """``seeds`` makes sound files in a folder; ``read`` reads a file as the server does.

    ``refusals``: what a reader says no with where that is no ``MaquetteError``, because its caller turns it into one.
    """

    name: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], Any]
    mutate: Mutate = spoil
    suffix: str = ""
    refusals: tuple[type[Exception], ...] = ()
    may_also: frozenset[str] = field(default_factory=frozenset)
    slow: bool = False
    """Starts a process for each case."""

    def warm(self) -> None:
        """Import what it needs before memory is limited."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"x{self.suffix}"
            path.write_bytes(self.seeds(Path(folder))[0])
            self.read(path)


def _photo(path: Path) -> None:
    from maquette.recon.images import read_photo

    read_photo(path)


def _kinds(path: Path) -> None:
    """What an upload asks of every file before anything is decoded."""
    from maquette.recon.archive import is_archive
    from maquette.steps.intake import Entry, kind_of

    is_archive(path.read_bytes()[:4])
    kind_of(Entry(path, "x.bin"))


def _mask(path: Path) -> None:
    from maquette.recon.masks import read_mask

    read_mask(path, "x", 96, 80)


def _depth_png(path: Path) -> None:
    from maquette.recon.depth.maps import read_depth_map

    read_depth_map(path)


def _depth_render(path: Path) -> None:
    from maquette.recon.rig.reading import _read_depth

    _read_depth(("front.png", path), "front.png", (96, 80))


def _sensor_depth(path: Path) -> None:
    from maquette.recon.scenes.companions import straight_depth

    straight_depth(path, "x", 96, 80, 0.001, None, path.with_name("out.npy"))


def _depth_prior(path: Path) -> None:
    from maquette.recon.depth.priors import read_depth_prior

    read_depth_prior(path, "x", 96, 80)


def _archive(path: Path) -> None:
    from maquette.recon.archive import ArchiveLimits, unpack

    unpack(path, path.parent / "out", ArchiveLimits(20, 1 << 20, 2 << 20), name="x.zip")


def _ply_points(path: Path) -> None:
    from maquette.recon.scenes.ply_points import read_ply_points

    read_ply_points(path)


def _poses(filename: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        from maquette.recon.scenes.pose_files import read_pose_files

        folder = path.parent / "poses"
        folder.mkdir(exist_ok=True)
        (folder / filename).write_bytes(path.read_bytes())
        known = read_pose_files(folder, path.parent / "work")
        for pose in known.poses:
            pose.lens_at(*(pose.size or (640, 480)))

    return read


def _colmap(path: Path) -> None:
    """Which is which, a byte in front says; the others are sound."""
    import shutil

    from maquette.recon.scenes.pose_files import read_pose_files

    data, folder = path.read_bytes(), path.parent / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    kind = "bin" if data[:1] < b"3" else "txt"
    for number, (part, content) in enumerate(made.colmap_parts(kind).items()):
        broken = data[:1] == b"%d" % (number + (0 if kind == "bin" else 3))
        (folder / f"{part}.{kind}").write_bytes(data[1:] if broken else content)
    read_pose_files(folder, path.parent / "work")


def _video(path: Path) -> None:
    from maquette.recon.video import choose_keyframes

    choose_keyframes(path, path.parent / "frames", 3)


def _bundle(path: Path) -> None:
    from maquette.recon.bundle import open_bundle

    with open_bundle(path) as bundle:
        bundle.verify()


def _manifest(path: Path) -> None:
    from uuid import UUID

    from maquette.execution.bundle_rows import renew
    from maquette.recon.bundle.manifest import read_manifest

    renew(read_manifest(path.read_bytes()), UUID(int=1), made.COLUMNS, made.SCHEMA)


def _checkpoint(path: Path) -> None:
    from maquette.recon.checkpoint import load_checkpoint, read_about

    read_about(path)
    load_checkpoint(path)


def _saved_mesh(path: Path) -> None:
    from maquette.recon.mesh.saved import load_mesh, told_of

    told_of(path)
    load_mesh(path)


def _saved_scene(path: Path) -> None:
    """``cameras.json`` of our own form."""
    from maquette.recon.scenes.saved import load_saved_scene

    folder = path.parent / "scene"
    made.sound_scene(folder)
    (folder / "cameras.json").write_bytes(path.read_bytes())
    load_saved_scene(folder)


def _form(path: Path) -> None:
    from tests.fuzzing.requests import take_form

    take_form(path.read_bytes(), path.parent)


def _tus(path: Path) -> None:
    from tests.fuzzing.requests import read_tus_headers

    read_tus_headers(path.read_bytes())


def _storage_form(path: Path) -> None:
    from tests.fuzzing.requests import take_storage_form

    take_storage_form(path.read_bytes(), path.parent)


def _storage_json(path: Path) -> None:
    from tests.fuzzing.requests import read_storage_json

    read_storage_json(path.read_bytes())


def _frame(path: Path) -> None:
    from tests.fuzzing.requests import read_frame

    read_frame(path.read_bytes())


def _format_targets() -> list[Target]:
    mutations: dict[str, Mutate] = {
        "ply.gz": packed(spoil, _gunzip, lambda data: gzip.compress(data, 1)),
        "spz": packed(spoil, _gunzip, lambda data: gzip.compress(data, 1)),
        **dict.fromkeys(("sog", "obj", "usdz", "colmap"), in_zip(by_name)),
        "transforms.json": spoil_json,
        "glb": made.in_glb(spoil_json),
        "gaussians.glb": made.in_glb(spoil_json),
    }
    return [
        Target(
            f"format {one.name}",
            lambda folder, one=one: made.of_format(one, folder),  # type: ignore[misc]
            one.read,
            mutations.get(one.name, spoil),
            one.extension,
            slow=one.name in ("usdz", "colmap"),
        )
        for one in FORMATS
    ]


def _gunzip(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, ValueError):
        return data


TARGETS = [
    Target("kinds", made.anything, _kinds),
    Target("photo", made.photos, _photo),
    Target("mask", made.masks, _mask, suffix=".png"),
    Target("depth png", made.depth_maps, _depth_png, suffix=".png"),
    Target("depth render", made.depth_renders, _depth_render, suffix=".png"),
    Target("sensor depth png", made.depth_maps, _sensor_depth, suffix=".png"),
    Target("sensor depth npy", made.depth_arrays, _sensor_depth, suffix=".npy"),
    Target("depth prior", made.depth_arrays, _depth_prior, suffix=".npy"),
    Target("zip", made.archives, _archive, in_zip(by_name), ".zip"),
    Target("ply points", made.point_clouds, _ply_points, suffix=".ply", refusals=(OSError, ValueError, IndexError)),
    Target("transforms.json", made.transforms, _poses("transforms.json"), spoil_json, ".json"),
    Target("_par.txt", made.par_files, _poses("a_par.txt"), suffix=".txt"),
    Target("colmap model", made.colmap_models, _colmap, made.after_first(spoil), slow=True),
    Target("video", made.videos, _video, suffix=".mp4"),
    Target("bundle", made.bundles, _bundle, in_zip(by_name), ".zip"),
    Target("bundle manifest", made.manifests, _manifest, spoil_json, ".json"),
    Target("checkpoint", made.checkpoints, _checkpoint, in_zip(by_name), ".npz"),
    Target("saved mesh", made.saved_meshes, _saved_mesh, in_zip(by_name), ".npz"),
    Target("saved scene", made.saved_cameras, _saved_scene, spoil_json, ".json"),
    Target("upload form", made.forms, _form),
    Target("storage form", made.storage_forms, _storage_form),
    Target("storage json", made.storage_bodies, _storage_json, spoil_json),
    Target("tus headers", made.tus_headers, _tus),
    Target("realtime frame", made.frames, _frame, spoil_json),
    *_format_targets(),
]
