"""Gives the stand-in worker's rows real contents: small models, cameras around them, photos of the same thing."""

from __future__ import annotations

import io
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from psycopg.types.json import Jsonb
from tests.api.worker import Worker

from maquette.db.rows import Connection, insert
from maquette.recon.cameras import Camera
from maquette.recon.evaluate import to_8_bit
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.metrics import psnr, ssim
from maquette.recon.rasterize import forward
from maquette.recon.viewpoints import look_at
from maquette.storage.client import Objects

WIDTH, HEIGHT = 64, 48


def ball(error: float, count: int = 400) -> Gaussians:
    """A bumpy ball of many colours around the origin; ``error`` moves and recolours its splats."""
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    colours = rng.uniform(-1.5, 1.5, (count, 1, 3)) + error * rng.normal(size=(count, 1, 3))
    return Gaussians(
        means=(directions + error * rng.normal(size=(count, 3))).astype(np.float32),
        log_scales=np.full((count, 3), np.log(0.12), np.float32),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacity_logits=np.full(count, 2.0, np.float32),
        sh=colours.astype(np.float32),
    )


def camera(index: int) -> Camera:
    """One of the cameras around it."""
    angle = 2 * np.pi * index / 5
    eye = (float(4 * np.sin(angle)), -0.5, float(-4 * np.cos(angle)))
    return look_at(eye, (0.0, 0.0, 0.0), vertical_fov_deg=40.0, width=WIDTH, height=HEIGHT)


def render(gaussians: Gaussians, seen_by: Camera) -> np.ndarray:
    return to_8_bit(forward(gaussians, seen_by).image)


def error_of(version: int) -> float:
    """Later versions are better, and none is perfect."""
    return 0.2 / (version + 1)


def give_substance(worker: Worker, project_id: str) -> None:
    """Real files behind the rows of a project, and metrics of each view; the held-out view is the first."""

    async def work(conn: Connection, objects: Objects) -> None:
        async def rows(query: str, *values: Any) -> list[dict[str, Any]]:
            return await (await conn.execute(query.encode(), values)).fetchall()

        async def store(artifact: Any, data: bytes) -> None:
            [stored] = await rows("select bucket, path, mime from public.artifacts where id = %s", artifact)
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                await objects.upload(stored["bucket"], stored["path"], Path(file.name), stored["mime"])
            await conn.execute(
                "update public.artifacts set sha256 = %s, bytes = %s where id = %s",
                [sha256(data).hexdigest(), len(data), artifact],
            )

        photos = {}
        for view in await rows("select * from public.multiview_generation where project_id = %s", project_id):
            seen_by = camera(view["view_index"])
            photos[view["view_index"]] = render(ball(0.0), seen_by)
            target = io.BytesIO()
            Image.fromarray(photos[view["view_index"]]).save(target, "PNG")
            await store(view["image_artifact_id"], target.getvalue())
            await conn.execute(
                "update public.multiview_generation set camera = %s where id = %s",
                [Jsonb(seen_by.as_dict()), view["id"]],
            )
        [eval_set] = await rows("select id from public.eval_sets where project_id = %s", project_id)
        for model in await rows("select * from public.gaussian_splat_models where project_id = %s", project_id):
            gaussians = ball(error_of(model["version"]), 400 + model["version"])
            with tempfile.TemporaryDirectory() as folder:
                format_named("ply").write(gaussians, Path(folder) / "m.ply", provenance={})
                await store(model["model_artifact_id"], (Path(folder) / "m.ply").read_bytes())
            await conn.execute(
                "update public.gaussian_splat_models set num_gaussians = %s, details = %s where id = %s",
                [len(gaussians), Jsonb({"training_seconds": 1.5 * (model["version"] + 1)}), model["id"]],
            )
            for index, photo in photos.items():
                seen = render(gaussians, camera(index))
                held_out = index == 0
                await insert(
                    conn,
                    "refinement_metrics",
                    {
                        "project_id": project_id,
                        "run_id": model["run_id"],
                        "version": model["version"],
                        "eval_set_id": eval_set["id"] if held_out else None,
                        "split": "held_out" if held_out else "training",
                        "view_index": index,
                        "psnr": psnr(seen, photo),
                        "ssim": ssim(seen, photo),
                    },
                )

    worker.do(work)
