"""Sound files for the fuzzer to spoil, made by our own writers wherever there is one, each as small as it may be."""

from __future__ import annotations

import functools
import io
import json
import random
import struct
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maquette.recon.formats import Format, format_named
from maquette.recon.scene import Scene
from tests.fuzzing.mutations import Mutate, spoil
from tests.recon.formats.samples import orbit_scene, random_gaussians, random_points, sample_of, textured_grid

WIDTH, HEIGHT = 96, 80
JSON_CHUNK = 0x4E4F534A
"""glTF 2.0, 4.4.3.2."""
SCHEMA = "0014_tell_imports.sql"


def of_format(format: Format[Any], folder: Path) -> list[bytes]:
    """Two models of a few parts, as the format's writer writes them."""
    found = []
    for count in (3, 20):
        path = folder / f"model{count}{format.extension}"
        format.write(sample_of(format).make(count, folder / "photos"), path, provenance={"generator": "fuzz"})
        found.append(path.read_bytes())
    return found


def picture(mode: str = "RGB", width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Noise that a JPEG can hold."""
    rng = np.random.default_rng(7)
    noise = Image.fromarray(rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
    return noise.resize((width, height)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@functools.cache
def _photos() -> list[bytes]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Camera"
    exif.get_ifd(0x8769)[0x920A] = 4.2
    exif.get_ifd(0x8825)[1] = "N"
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sixteen = Image.fromarray(np.arange(WIDTH * HEIGHT, dtype=np.uint16).reshape(HEIGHT, WIDTH))
    frames = [picture(), picture().rotate(180)]
    return [
        encoded(picture(), "JPEG", exif=exif, icc_profile=profile),
        encoded(picture("L"), "JPEG", progressive=True),
        encoded(picture("CMYK"), "JPEG"),
        encoded(picture(), "PNG", exif=exif),
        encoded(picture("RGBA"), "PNG"),
        encoded(picture("P"), "PNG", transparency=3),
        encoded(sixteen, "PNG"),
        encoded(picture(), "WEBP", quality=50),
        encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        encoded(picture(), "TIFF", compression="tiff_lzw"),
        encoded(picture(), "TIFF", compression="jpeg"),
        encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        encoded(picture(), "HEIF", quality=40),
    ]


def photos(_: Path) -> list[bytes]:
    """One of each kind that photos come in, with EXIF, profiles, transparency, frames and 16 bits."""
    return _photos()


def anything(folder: Path) -> list[bytes]:
    """The beginnings of everything that an upload may hold."""
    return [one[:80] for one in (*_photos(), *archives(folder), *videos(folder), *par_files(folder))]


def masks(_: Path) -> list[bytes]:
    """Grey pictures of the photo's size, one of 16 bits."""
    deep = Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, np.uint16))
    return [encoded(picture("L"), "PNG"), encoded(deep, "PNG"), encoded(picture("L"), "JPEG")]


def depth_maps(folder: Path) -> list[bytes]:
    """As our steps write them: 16 bits and their scale in a text chunk."""
    from maquette.recon.depth.maps import write_depth_map

    depth = np.linspace(1, 4, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    write_depth_map(depth, np.ones_like(depth), folder / "depth")
    return [(folder / "depth.png").read_bytes()]


def depth_renders(_: Path) -> list[bytes]:
    """Grey, background round an object; 8 and 16 bits."""
    depth = np.zeros((HEIGHT, WIDTH), np.uint8)
    depth[20:60, 20:70] = 180
    return [
        encoded(Image.fromarray(depth), "PNG"),
        encoded(Image.fromarray(depth.astype(np.uint16) * 257), "PNG"),
        encoded(Image.fromarray(depth), "JPEG"),
    ]


def depth_arrays(_: Path) -> list[bytes]:
    """.npy of floats and of whole numbers."""
    return [_npy(np.full((HEIGHT, WIDTH), 2, kind)) for kind in (np.float32, np.float64)]


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def archives(_: Path) -> list[bytes]:
    """Photos and cameras in folders, by each compression that there is."""
    files = {"set/a.jpg": b"a" * 500, "set/b.jpg": b"b" * 500, "transforms.json": b"{}", "set/.hidden": b"x"}
    return [zipped(files, kind) for kind in (0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]


def point_clouds(folder: Path) -> list[bytes]:
    """Points as our format writes them, and as words."""
    format_named("pointcloud.ply").write(random_points(5), folder / "points.ply", provenance={})
    words = b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
    return [(folder / "points.ply").read_bytes(), words + b"property uchar red\nend_header\n1 2 3 4\n5 6 7 8\n"]


def transforms(folder: Path) -> list[bytes]:
    """nerfstudio's and instant-ngp's way of saying it."""
    format_named("transforms.json").write(orbit_scene(3, folder / "photos"), folder / "t.json", provenance={})
    frame = {"file_path": "images/a.png", "transform_matrix": np.eye(4).tolist()}
    bent = {"w": 640, "h": 480, "fl_x": 500.0, "k1": 0.1, "p2": 0.01, "camera_model": "OPENCV", "frames": [frame]}
    ngp = {"camera_angle_x": 0.8, "ply_file_path": "points.ply", "frames": [frame, frame]}
    return [(folder / "t.json").read_bytes(), json.dumps(bent).encode(), json.dumps(ngp).encode()]


def par_files(_: Path) -> list[bytes]:
    """Middlebury's, with and without a count in front."""
    line = "a{}.png 1520 0 302 0 1525 246 0 0 1 1 0 0 0 1 0 0 0 1 0.1 0.2 0.3\n"
    lines = "".join(line.format(number) for number in range(3))
    return [f"3\n{lines}".encode(), lines.encode()]


@functools.cache
def colmap_parts(kind: str) -> dict[str, bytes]:
    """A sound model of three cameras, ``bin`` or ``txt``."""
    import tempfile

    import pycolmap

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene: Scene = orbit_scene(3, folder / "photos")
        format_named("colmap").write(scene, folder / "x.zip", provenance={})
        with zipfile.ZipFile(folder / "x.zip") as archive:
            archive.extractall(folder)
        model = pycolmap.Reconstruction(str(folder / "sparse/0"))
        if kind == "txt":
            model.write_text(str(folder / "sparse/0"))
        return {
            path.stem: path.read_bytes()
            for path in sorted((folder / "sparse/0").glob(f"*.{kind}"))
            if path.stem in ("cameras", "images", "points3D")
        }


def colmap_models(_: Path) -> list[bytes]:
    """Each of a model's files, after a byte that says which it is."""
    parts = [*colmap_parts("bin").values(), *colmap_parts("txt").values()]
    return [b"%d" % number + data for number, data in enumerate(parts)]


def after_first(inner: Mutate) -> Mutate:
    """Leave the first byte as it is."""
    return lambda rng, data: data[:1] + inner(rng, data[1:])


@functools.cache
def _videos() -> list[bytes]:
    import tempfile

    from tests.recon.video.movies import walk, write_video

    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        frames = list(walk(8, width=128, height=96))
        made = [
            write_video(path / "a.mp4", frames),
            write_video(path / "b.mov", frames, rotation=(90, False), aspect=Fraction(4, 3)),
            write_video(path / "c.mkv", frames, times=range(0, 800, 100)),
            write_video(path / "d.avi", frames, codec="mpeg4"),
        ]
        return [one.read_bytes() for one in made]


def videos(_: Path) -> list[bytes]:
    """One of each container."""
    return _videos()


COLUMNS = {
    "runs": {"id", "project_id", "step", "status", "result", "parameters", "queued_at"},
    "artifacts": {"id", "project_id", "run_id", "kind", "bucket", "path", "sha256", "bytes", "mime", "removed_at"},
    "gaussian_splat_models": {"id", "run_id", "version", "details", "model_artifact_id", "view_run_id"},
    "multiview_generation": {"id", "run_id", "name", "view_index", "camera"},
}


def _manifest() -> Any:
    from maquette.recon.bundle import Manifest

    run, artifact, view = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
    digest = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
    project = "00000000-0000-4000-8000-0000000000ff"
    model = f"{project}/runs/{run}/1/v0.ply"
    tables: dict[str, list[dict[str, Any]]] = {
        "runs": [{"id": run, "step": "generate", "status": "completed", "result": {"version": 0}, "parameters": {}}],
        "artifacts": [
            {"id": artifact, "run_id": run, "kind": "model", "bucket": "3d-models", "path": model, "sha256": digest,
             "bytes": 4, "mime": "model/ply", "removed_at": "2026-01-01"}
        ],
        "multiview_generation": [{"id": view, "run_id": run, "name": "0000.jpg", "view_index": 0, "camera": {"fx": 1}}],
    }  # fmt: skip
    return Manifest("maquette 1", "2026-01-01", SCHEMA, False, {"name": "Fuzz", "capture": None}, tables)


def bundles(folder: Path) -> list[bytes]:
    """A bundle with one object."""
    import hashlib

    from maquette.recon.bundle import BundleWriter

    content = b"foo\n"
    (folder / "object").write_bytes(content)
    with BundleWriter(folder / "bundle.zip") as writer:
        writer.add(hashlib.sha256(content).hexdigest(), folder / "object")
        writer.finish(replace(_manifest(), objects=writer.objects))
    return [(folder / "bundle.zip").read_bytes()]


def manifests(_: Path) -> list[bytes]:
    """The rows alone."""
    return [_manifest().as_json()]


def checkpoints(folder: Path) -> list[bytes]:
    """Of a model of five."""
    from maquette.recon.checkpoint import Checkpoint
    from maquette.recon.density import empty_statistics
    from maquette.recon.optimizer import zero_moments

    model = random_gaussians(5, degree=1)
    state = np.random.default_rng(3).bit_generator.state
    made = Checkpoint(model, zero_moments(model), empty_statistics(5), 9, np.arange(3), dict(state))
    made.save(folder / "c.npz", about={"preset": "fastest"})
    return [(folder / "c.npz").read_bytes()]


def saved_meshes(folder: Path) -> list[bytes]:
    """With a texture."""
    from maquette.recon.mesh.saved import save_mesh

    save_mesh(textured_grid(8), folder / "m.npz", told=[{"code": "x"}])
    return [(folder / "m.npz").read_bytes()]


def sound_scene(folder: Path) -> None:
    """Our own form of a scene."""
    from maquette.recon.scenes.saved import save_scene

    if not (folder / "points.npz").exists():
        save_scene(orbit_scene(3, folder.with_name("taken")), folder)


def saved_cameras(folder: Path) -> list[bytes]:
    """Its cameras."""
    sound_scene(folder / "scene")
    return [(folder / "scene" / "cameras.json").read_bytes()]


def in_glb(inner: Mutate) -> Mutate:
    """Spoil the JSON of a .glb and set the lengths right again, every other time."""

    def mutate(rng: random.Random, data: bytes) -> bytes:
        if rng.random() < 0.5 or len(data) < 20:
            return spoil(rng, data)
        (size, kind) = struct.unpack_from("<II", data, 12)
        if kind != JSON_CHUNK or 20 + size > len(data):
            return spoil(rng, data)
        words = inner(rng, data[20 : 20 + size])
        words += b" " * (-len(words) % 4)
        body = struct.pack("<II", len(words), kind) + words + data[20 + size :]
        return data[:8] + struct.pack("<I", 12 + len(body)) + body

    return mutate


PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n'


def forms(_: Path) -> list[bytes]:
    """What browsers send to POST /upload."""
    photo, second = PART % (b"file", b'; filename="a.jpg"', b"x" * 300), PART % (b"views", b'; filename="b.png"', b"y")
    words = PART % (b"remove_bg", b"", b"true") + PART % (b"incoming", b"", b"3f0d6c1e-8a55-4d0b-9a53-4f1f5b8f7e21")
    starred = PART % (b"files[]", b"; filename*=UTF-8''%e2%82%ac.jpg", b"z")
    return [photo + second + words + b"--b--\r\n", starred + photo + b"--b--\r\n", words + b"--b--\r\n"]


def storage_forms(_: Path) -> list[bytes]:
    """What supabase-js and storage3 send."""
    said = PART % (b"cacheControl", b"", b"3600") + PART % (b"metadata", b"", b'{"a": 1}')
    return [said + PART % (b"", b'; filename="blob"', b"x" * 100) + b"--b--\r\n"]


def storage_bodies(_: Path) -> list[bytes]:
    """Bodies of lists, signatures and moves."""
    bodies = (
        {"prefix": "a", "limit": 5, "offset": 0, "sortBy": {"column": "name", "order": "asc"}, "search": "x"},
        {"paths": ["a/b.png", "c"], "expiresIn": "60"},
        {"bucketId": "x", "sourceKey": "a", "destinationKey": "b"},
        {"name": "x", "file_size_limit": "5MB", "allowed_mime_types": ["image/png"], "public": False},
        {"cursor": "WyJhc2MiXQ==", "with_delimiter": True},
    )
    return [json.dumps(one).encode() for one in bodies]


def tus_headers(_: Path) -> list[bytes]:
    """A creation's headers, a line each."""
    return [
        b"tus-resumable: 1.0.0\nupload-length: 500\nupload-offset: 0\n"
        b"upload-metadata: bucketName cHJvamVjdC11cGxvYWRz,objectName YS9iLnBuZw==,contentType aW1hZ2UvcG5n,"
        b"cacheControl MzYwMA==,metadata eyJhIjoxfQ==\nx-metadata: eyJhIjoxfQ==\nrange: bytes=0-5\n"
        b"if-modified-since: Sat, 01 Aug 2026 00:00:00 GMT\ncontent-type: multipart/form-data; boundary=b\n"
    ]


def frames(_: Path) -> list[bytes]:
    """Joins of both versions of the protocol."""
    wanted = [{"event": "*", "schema": "public", "table": "projects", "filter": 'id=in.(1,"2"),name=not.eq."x\\"y"'}]
    config = {"config": {"postgres_changes": wanted, "presence": {"enabled": True}}, "access_token": "sb_x"}
    second = {"topic": "realtime:t", "event": "phx_join", "payload": config, "ref": "1", "join_ref": "1"}
    return [json.dumps(["1", "1", "realtime:t", "phx_join", config]).encode(), json.dumps(second).encode()]
