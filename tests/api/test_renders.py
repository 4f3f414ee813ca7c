"""Pictures over the API: of real small models, by a real child process, from a real cache."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.api.substance import ball, camera, error_of, give_substance, render
from tests.api.worker import Worker

from maquette.api.renders import while_connected
from maquette.recon.heatmap import error_heatmap, pixel_error
from maquette.recon.rasterize import rasterize
from maquette.recon.viewpoints import look_at
from maquette.settings import Settings

NOWHERE = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def project(client: httpx.Client, connections: Any) -> str:
    """A project with two versions of real contents, v0 and the better v1 and v2 made from it in a line."""
    worker = Worker(connections)
    made: str = client.post("/projects", json={"name": "Ball"}).raise_for_status().json()["id"]
    worker.add_photos(made)
    worker.generate(client.post(f"/generate/{made}").raise_for_status().json()["run_id"])
    worker.refine(client.post(f"/refine/{made}").raise_for_status().json()["run_id"])
    give_substance(worker, made)
    return made


@pytest.fixture
def look(client: httpx.Client, project: str) -> Any:
    def ask(version: int = 0, headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
        return client.get(f"/projects/{project}/models/{version}/render", params=asked, headers=headers)

    return ask


def pixels(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def facts(answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.headers["x-maquette-picture"])
    return told


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def model(version: int) -> Any:
    return ball(error_of(version), 400 + version)


class TestSourceViews:
    def test_it_is_the_picture_that_metrics_measure(self, look: Any) -> None:
        for version in (0, 1):
            shown = pixels(look(version, view="1", format="png"))
            assert (shown == render(model(version), camera(1))).all()

    def test_by_name_and_by_index_and_the_evaluation_set_by_default(self, look: Any) -> None:
        by_index, by_name = look(view="2", format="png"), look(view="0002.jpg", format="png")
        assert by_index.headers["etag"] == by_name.headers["etag"] and by_index.content == by_name.content
        assert look(format="png").content == look(view="0", format="png").content

    def test_smaller_in_the_shape_of_the_photo(self, look: Any) -> None:
        answer = look(view="0", width=32, height=100, format="png")
        assert pixels(answer).shape == (24, 32, 3) and facts(answer) == {"width": 32, "height": 24}
        assert pixels(look(view="0", height=24, format="png")).shape == (24, 32, 3)
        assert pixels(look(view="0", width=640, format="png")).shape == (48, 64, 3), "never larger than the photo"

    def test_the_error_is_that_of_the_metrics(self, client: httpx.Client, look: Any, project: str) -> None:
        answer = look(1, view="0", output="error")
        assert answer.headers["content-type"] == "image/png"
        expected = error_heatmap(pixel_error(render(model(1), camera(0)), render(ball(0.0), camera(0))))
        assert (pixels(answer) == expected).all()
        told = facts(answer)
        assert (told["error_scale"]["from"], told["error_scale"]["to"]) == (0, 0.25)
        assert told["error_scale"]["colours"] == "inferno" and "root mean square" in told["error_scale"]["quantity"]
        metrics = client.get(f"/projects/{project}/metrics").json()["items"]
        [stored] = [m for m in metrics if (m["version"], m["view_index"]) == (1, 0)]
        assert (told["psnr"], told["ssim"]) == (stored["psnr"], stored["ssim"])

    def test_side_by_side(self, look: Any) -> None:
        answer = look(1, view="0", output="side_by_side", format="png")
        shown = pixels(answer)
        assert shown.shape[0] == 48 and shown.shape[1] > 3 * 64
        # Below the labels: photo, render, error.
        assert (shown[30:, :64] == render(ball(0.0), camera(0))[30:]).all()
        assert (shown[30:, 68:132] == render(model(1), camera(0))[30:]).all()
        assert facts(answer)["psnr"] > 10

    @pytest.mark.parametrize("view", ["3", "0003.jpg", "99999999999999999999", "-1", "x' or '1'='1"])
    def test_unknown_views(self, look: Any, view: str) -> None:
        assert code_of(look(view=view)) == (404, "view_not_found")


class TestFreeCameras:
    def test_from_anywhere(self, look: Any) -> None:
        answer = look(position="0,-3,-2", target="0,0,0", up="0,-1,0", fov=40, width=60, height=40, format="png")
        seen_by = look_at((0.0, -3.0, -2.0), (0.0, 0.0, 0.0), vertical_fov_deg=40.0, width=60, height=40)
        assert (pixels(answer) == render(model(0), seen_by)).all()

    def test_by_numbers_it_is_the_source_view(self, client: httpx.Client, look: Any, project: str) -> None:
        given = client.get(f"/projects/{project}/views").json()["items"][1]["camera"]
        rows = ",".join(repr(value) for row in given["camera_from_world"][:3] for value in row)
        intrinsics = {name: given[name] for name in ("fx", "fy", "cx", "cy", "width", "height")}
        answer = look(camera_from_world=rows, format="png", **intrinsics)
        assert (pixels(answer) == pixels(look(view="1", format="png"))).all()

    def test_background_alpha_and_depth(self, look: Any) -> None:
        free = {"position": "0,0,-4", "target": "0,0,0", "fov": 60, "width": 64, "height": 64, "format": "png"}
        alpha = pixels(look(output="alpha", **free))
        assert alpha.shape == (64, 64) and alpha[32, 32] > 240 and alpha[0, 0] == 0
        assert pixels(look(background="ff8000", **free))[0, 0].tolist() == [255, 128, 0]
        assert pixels(look(background="%23ff8000".replace("%23", "#"), **free))[0, 0].tolist() == [255, 128, 0]
        answer = look(output="depth", **free)
        told = facts(answer)["depth"]
        depth = pixels(answer).astype(np.float64) * told["units_per_step"]
        # A ball of radius 1, seen from 4 units away.
        assert depth[32, 32] == pytest.approx(3, abs=0.3) and depth[0, 0] == 0
        seen_by = look_at((0.0, 0.0, -4.0), (0.0, 0.0, 0.0), vertical_fov_deg=60.0, width=64, height=64)
        expected = rasterize(model(0), seen_by, outputs=("median_depth",)).median_depth
        assert depth[32, 32] == pytest.approx(expected[32, 32], rel=1e-4)
        coloured = look(output="depth", **{**free, "format": "webp"})
        assert coloured.headers["content-type"] == "image/webp" and pixels(coloured).shape == (64, 64, 3)
        assert facts(coloured)["depth"]["nearest"] == told["nearest"]

    @pytest.mark.parametrize(("output", "mime"), [("image", "image/jpeg"), ("alpha", "image/png")])
    def test_usual_formats(self, look: Any, output: str, mime: str) -> None:
        answer = look(output=output, view="0")
        assert answer.headers["content-type"] == mime
        assert Image.open(io.BytesIO(answer.content)).format == mime.removeprefix("image/").upper()

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"view": "0", "position": "0,0,1", "target": "0,0,0"}, "camera_unclear"),
            ({"position": "0,0,1"}, "camera_unclear"),
            ({"fov": 30}, "camera_unclear"),
            ({"camera_from_world": "1,0,0,0,0,1,0,0,0,0,1,4"}, "camera_unclear"),
            ({"fx": 100, "fy": 100}, "camera_unclear"),
            ({"position": "0,0,1", "target": "0,0,1"}, "bad_camera"),
            ({"position": "0,0,1", "target": "0,0,0", "up": "0,0,1"}, "bad_camera"),
            (
                {"camera_from_world": "2,0,0,0,0,2,0,0,0,0,2,4", "fx": 9, "fy": 9, "width": 64, "height": 64},
                "bad_camera",
            ),
            ({"position": "0,0", "target": "0,0,0"}, "invalid_parameters"),
            ({"position": "0,0,nan", "target": "0,0,0"}, "invalid_parameters"),
            ({"position": "0,0,1e999", "target": "0,0,0"}, "invalid_parameters"),
            ({"position": "0;0;1", "target": "0,0,0"}, "invalid_parameters"),
            ({"position": "0,0,1", "target": "0,0,0", "fov": 170}, "invalid_parameters"),
            ({"position": "0,0,1", "target": "0,0,0", "output": "error"}, "photo_needed"),
            ({"position": "0,0,1", "target": "0,0,0", "output": "side_by_side"}, "photo_needed"),
            ({"width": 4000}, "render_too_large"),
            ({"position": "0,0,1", "target": "0,0,0", "height": 2049}, "render_too_large"),
            ({"width": 9000}, "invalid_parameters"),
            ({"width": 0}, "invalid_parameters"),
            ({"background": "red"}, "invalid_parameters"),
            ({"output": "normals"}, "invalid_parameters"),
            ({"format": "gif"}, "invalid_parameters"),
            ({"colour": "red"}, "invalid_parameters"),
        ],
    )
    def test_what_makes_no_picture(self, look: Any, asked: dict[str, Any], code: str) -> None:
        answer = look(**asked)
        assert code_of(answer) == (422, code)
        assert answer.json()["error"]["suggestion"]

    def test_far_away_there_is_the_background(self, look: Any) -> None:
        """Numbers at the end of what floats can say are answered, one way or the other."""
        answer = look(position="1e300,0,0", target="0,0,0", width=16, height=16)
        assert answer.status_code in (200, 422), answer.text


class TestCaching:
    def test_kept_for_good_and_not_sent_twice(self, look: Any) -> None:
        free = {"position": "0,0,-4", "target": "0,0,0", "fov": 60, "width": 40, "height": 40}
        assert look(**free).headers["cache-control"] == "private, max-age=31536000, immutable"
        first = look(view="1", width=40)
        # A view may get another camera, with another photo.
        assert first.headers["cache-control"] == "private, no-cache"
        tag = first.headers["etag"]
        for named in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = look(view="1", width=40, headers={"If-None-Match": named})
            assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
        assert look(view="1", width=40, headers={"If-None-Match": '"x"'}).status_code == 200
        assert look(1, view="1", width=40).headers["etag"] != tag, "another version"
        assert look(view="1", width=41).headers["etag"] != tag

    def test_another_photo_is_another_error(self, look: Any) -> None:
        assert look(view="1", output="error").headers["cache-control"] == "private, no-cache"

    def test_a_second_call_draws_nothing(self, look: Any, settings: Settings, project: str) -> None:
        kept = settings.home / "cache" / "renders" / project / "pictures"
        first = look(view="1", width=33, format="png")
        [path] = [one for one in kept.iterdir() if f'"{one.name}"' == first.headers["etag"]]
        drawn = path.stat().st_ino
        assert look(view="1", width=33, format="png").content == first.content
        assert path.stat().st_ino == drawn
        # Cut short by a broken disk: drawn again, not sent.
        path.write_bytes(path.read_bytes()[:-9])
        assert look(view="1", width=33, format="png").content == first.content

    def test_gone_with_the_project(self, client: httpx.Client, connections: Any, settings: Settings) -> None:
        worker = Worker(connections)
        made = client.post("/projects").json()["id"]
        worker.add_photos(made)
        worker.generate(client.post(f"/generate/{made}").json()["run_id"])
        give_substance(worker, made)
        assert client.get(f"/projects/{made}/models/0/render").status_code == 200
        kept = settings.home / "cache" / "renders" / made
        assert kept.is_dir()
        client.delete(f"/projects/{made}").raise_for_status()
        assert not kept.exists()
        assert code_of(client.get(f"/projects/{made}/models/0/render")) == (404, "project_not_found")

    def test_a_model_that_is_not_what_was_stored(
        self, client: httpx.Client, connections: Any, generated: str, worker: Worker
    ) -> None:
        give_substance(worker, generated)
        worker.sql(
            "update public.artifacts set sha256 = repeat('0', 64) where kind = 'model' and project_id = %s", generated
        )
        assert code_of(client.get(f"/projects/{generated}/models/0/render")) == (500, "object_damaged")


def test_versions_and_projects_that_are_not_there(client: httpx.Client, project: str) -> None:
    assert code_of(client.get(f"/projects/{NOWHERE}/models/0/render")) == (404, "project_not_found")
    assert code_of(client.get(f"/projects/{project}/models/9/render")) == (404, "version_not_found")
    empty = client.post("/projects").json()["id"]
    assert code_of(client.get(f"/projects/{empty}/models/0/render")) == (409, "nothing_generated")


class TestSharedModels:
    @pytest.fixture
    def share(self, client: httpx.Client, project: str) -> dict[str, Any]:
        made: dict[str, Any] = client.post(f"/projects/{project}/shares", json={"version": 1}).json()
        return made

    @pytest.fixture
    def visit(self, hosted: str, share: dict[str, Any]) -> Any:
        """Somebody without credentials, at a server that asks for them."""
        address = f"{hosted}/api/v1/shared/{share['share_key']}/render"
        return lambda **asked: httpx.get(address, params=asked, timeout=60, trust_env=False)

    def test_visitors_see_the_model(self, visit: Any) -> None:
        answer = visit(view="1", format="png")
        assert (pixels(answer) == render(model(1), camera(1))).all()
        assert answer.headers["cache-control"] == "private, no-cache"
        assert visit(position="0,0,-4", target="0,0,0", output="alpha").status_code == 200

    def test_and_nothing_of_the_photos(self, visit: Any) -> None:
        for output in ("error", "side_by_side"):
            assert code_of(visit(view="0", output=output)) == (422, "photos_not_shared")
        assert code_of(visit(position="0,0,-4", target="0,0,0", width=1025)) == (422, "render_too_large")

    def test_until_it_is_revoked(self, client: httpx.Client, project: str, share: dict[str, Any], visit: Any) -> None:
        tag = visit(view="1").headers["etag"]
        client.delete(f"/projects/{project}/shares/{share['id']}").raise_for_status()
        assert code_of(visit(view="1")) == (410, "share_revoked")
        address = str(visit(view="1").request.url)
        again = httpx.get(address, headers={"If-None-Match": tag}, trust_env=False)
        assert code_of(again) == (410, "share_revoked"), "also for who has the picture"

    def test_unknown_links(self, hosted: str) -> None:
        answer = httpx.get(f"{hosted}/api/v1/shared/{'a' * 43}/render", trust_env=False)
        assert code_of(answer) == (404, "share_not_found")


def test_many_at_once(look: Any) -> None:
    """More callers than pictures: each gets theirs, and the same one the same."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: look(view=str(n % 3), width=48 + n % 2, format="png"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["etag"] for answer in answers}) == 6
    assert len({answer.content for answer in answers}) == 6


def test_a_process_that_dies_is_followed_by_another(look: Any) -> None:
    look(view="0", width=50).raise_for_status()
    for pid in drawing_processes():
        os.kill(pid, signal.SIGKILL)
    answers = [look(view="0", width=51), look(view="0", width=52)]
    # The first call may meet the dying one.
    assert code_of(answers[0])[1] == "renderer_died" if answers[0].is_error else True
    assert answers[1].status_code == 200


def test_who_hangs_up_is_not_drawn_for(look: Any, address: str, settings: Settings, project: str) -> None:
    kept = settings.home / "cache" / "renders" / project / "pictures"
    look(view="0", width=53).raise_for_status()
    before = set(kept.iterdir())

    def hang_up(width: int) -> None:
        path = f"{address}/api/v1/projects/{project}/models/0/render"
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(path, params={"view": "1", "width": width}, timeout=httpx.Timeout(30, read=1), trust_env=False)

    with ThreadPoolExecutor(5) as threads:
        try:
            for pid in drawing_processes():
                os.kill(pid, signal.SIGSTOP)
            patient = threads.submit(look, view="0", width=54)
            list(threads.map(hang_up, range(55, 59)))
            time.sleep(0.5)  # the server hears of it
        finally:
            for pid in drawing_processes():
                os.kill(pid, signal.SIGCONT)
        served = [patient.result(), look(view="0", width=60)]
    drawn = {path.name for path in set(kept.iterdir()) - before if not path.name.startswith(".")}
    wanted = {answer.headers["etag"].strip('"') for answer in served}
    assert wanted <= drawn
    assert len(drawn - wanted) <= 1, "one of them may have been at work already; it is finished for the next"


def drawing_processes() -> list[int]:
    """Children of this process (which serves the API) that draw."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"maquette.rendering.child" in command and parent == os.getpid():
            found.append(int(folder.name))
    return found


class Caller:
    """A request whose caller goes away when told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_a_caller_that_goes_away_gives_up_its_place() -> None:
    from starlette.requests import ClientDisconnect

    caller, given_up = Caller(), asyncio.Event()

    async def wait_in_line() -> Any:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            given_up.set()
            raise

    asked = asyncio.create_task(while_connected(caller, wait_in_line()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not asked.done()
    caller.gone.set()
    with pytest.raises(ClientDisconnect):
        await asked
    assert given_up.is_set()
