"""Two versions side by side: numbers by photo and split, the way between them, and pictures that are there."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.api.substance import WIDTH, give_substance
from tests.api.worker import Worker

from maquette.db.comparisons import way_between
from maquette.recon.quality import overall_quality


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def worker(connections: Any, address: str) -> Worker:
    return Worker(connections)


@pytest.fixture(scope="module")
def project(client: httpx.Client, worker: Worker) -> str:
    """v0, from it v1 and then v2, and from v0 again v3 and v4."""
    made: str = client.post("/projects", json={"name": "Ball"}).raise_for_status().json()["id"]
    worker.add_photos(made)
    worker.generate(client.post(f"/generate/{made}").raise_for_status().json()["run_id"])
    for start in (0, 0):
        run = client.post(f"/refine/{made}?fresh=true", json={"from_version": start}).raise_for_status().json()
        worker.refine(run["run_id"])
    give_substance(worker, made)
    return made


@pytest.fixture
def compare(client: httpx.Client, project: str) -> Any:
    def ask(**asked: Any) -> httpx.Response:
        return client.get(f"/projects/{project}/compare", params=asked)

    return ask


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_numbers_by_photo_and_split(client: httpx.Client, compare: Any, project: str) -> None:
    told = compare(a="v0", b="v2").raise_for_status().json()
    metrics = {
        (m["version"], m["split"], m["view_index"]): m
        for m in client.get(f"/projects/{project}/metrics").json()["items"]
    }
    assert [one["name"] for one in told["held_out"]["views"]] == ["0000.jpg"]
    assert [one["name"] for one in told["training"]["views"]] == ["0001.jpg", "0002.jpg"]
    for split, indices in (("held_out", [0]), ("training", [1, 2])):
        for number in ("psnr", "ssim"):
            of_a, of_b = ([metrics[version, split, index][number] for index in indices] for version in (0, 2))
            seen = told[split]["views"]
            assert [one[number]["a"] for one in seen] == of_a and [one[number]["b"] for one in seen] == of_b
            mean = told[split]["mean"][number]
            assert mean["a"] == pytest.approx(np.mean(of_a)) and mean["b"] == pytest.approx(np.mean(of_b))
            assert mean["difference"] == pytest.approx(mean["b"] - mean["a"])
        assert told[split]["only_in_a"] == told[split]["only_in_b"] == []
    assert told["held_out"]["mean"]["psnr"]["difference"] > 1, "the stand-in's later versions are better"


def test_amounts(client: httpx.Client, compare: Any, project: str) -> None:
    told = compare(a="0", b="v2").json()
    models = {m["version"]: m for m in client.get(f"/projects/{project}/models").json()["items"]}
    for side, version in (("a", 0), ("b", 2)):
        one, row = told[side], models[version]
        assert one["version"] == version and one["bytes"] == row["objects"]["model"]["bytes"]
        for name in ("parent_version", "num_gaussians", "psnr", "ssim", "quality_class", "promoted", "method"):
            assert one[name] == row[name]
    assert told["difference"]["num_gaussians"] == 2 and told["difference"]["seconds"] == 3.0
    assert told["difference"]["bytes"] == told["b"]["bytes"] - told["a"]["bytes"] > 0
    assert told["expected_quality"] == {"normal": {"psnr": 25, "ssim": 0.85}, "warning": {"psnr": 20, "ssim": 0.75}}


@pytest.mark.parametrize(
    ("a", "b", "ancestor", "path"),
    [
        ("v0", "v2", 0, [0, 1, 2]),
        ("v2", "v0", 0, [2, 1, 0]),
        ("v2", "v4", 0, [2, 1, 0, 3, 4]),
        ("v1", "v1", 1, [1]),
    ],
)
def test_the_way_between_them(compare: Any, a: str, b: str, ancestor: int, path: list[int]) -> None:
    told = compare(a=a, b=b).raise_for_status().json()
    assert (told["common_ancestor"], told["path"]) == (ancestor, path)


def test_ways_between_trees() -> None:
    parents = {0: None, 1: 0, 2: None, 3: 2}
    assert way_between(parents, 1, 3) == (None, [])
    assert way_between(parents, 2, 3) == (2, [2, 3])


def test_pictures_of_each_photo(client: httpx.Client, compare: Any) -> None:
    told = compare(a="v0", b="v2").json()
    [one] = told["pictures"]
    assert one["name"] == "0000.jpg"
    lightness = {}
    for side in ("a", "b"):
        photo = httpx.get(one[side]["photo_url"], trust_env=False)
        assert Image.open(io.BytesIO(photo.content)).size[0] == WIDTH
        for output in ("render", "error", "side_by_side"):
            answer = client.get(one[side][f"{output}_url"])
            assert answer.status_code == 200 and answer.headers["content-type"].startswith("image/"), answer.text
            picture = Image.open(io.BytesIO(answer.content))
            if output == "error":
                lightness[side] = np.asarray(picture.convert("L"), np.float64).mean()
                seen = json.loads(answer.headers["x-maquette-picture"])
                assert seen["psnr"] == told["held_out"]["views"][0]["psnr"][side]
    assert lightness["a"] > lightness["b"], "the better version is the darker one, on one scale"


def test_usually_the_promoted_version_and_its_parent(client: httpx.Client, compare: Any, project: str) -> None:
    told = compare().json()
    assert (told["a"]["version"], told["b"]["version"]) == (3, 4) and told["b"]["promoted"]
    told = compare(b="v1").json()
    assert (told["a"]["version"], told["b"]["version"]) == (0, 1)
    assert code_of(compare(b="v0")) == (409, "nothing_to_compare")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"a": "v9"}, 404, "version_not_found"),
        ({"b": "9"}, 404, "version_not_found"),
        ({"a": "first"}, 422, "invalid_parameters"),
        ({"a": "v-1"}, 422, "invalid_parameters"),
        ({"a": "v99999999999"}, 422, "invalid_parameters"),
    ],
)
def test_versions_that_are_none(compare: Any, asked: dict[str, str], status: int, code: str) -> None:
    assert code_of(compare(**asked)) == (status, code)


class TestOtherSets:
    @pytest.fixture
    def pair(self, client: httpx.Client, worker: Worker) -> str:
        """A project of its own, which the tests may spoil: v0, v1 and v2."""
        made: str = client.post("/projects").json()["id"]
        worker.add_photos(made)
        worker.generate(client.post(f"/generate/{made}").json()["run_id"])
        worker.refine(client.post(f"/refine/{made}").json()["run_id"])
        give_substance(worker, made)
        return made

    def test_not_measured(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        held_out = "delete from public.refinement_metrics where project_id = %s and version = 1 and split = 'held_out'"
        worker.sql(held_out, pair)
        assert code_of(client.get(f"/projects/{pair}/compare?a=0&b=1")) == (409, "not_measured")
        assert client.get(f"/projects/{pair}/compare?a=0&b=2").status_code == 200

    def test_no_photo_measures_both(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        """As where another generate could not place the held-out photos of the first one."""
        worker.sql(
            "delete from public.refinement_metrics where project_id = %s and version = 1 and view_index = 2", pair
        )
        worker.sql(
            "update public.refinement_metrics set view_index = 2 where project_id = %s and version = 1"
            " and split = 'held_out' and view_index = 0",
            pair,
        )
        assert code_of(client.get(f"/projects/{pair}/compare?a=0&b=1")) == (409, "eval_sets_differ")

    def test_photos_that_only_one_was_measured_on(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        worker.sql(
            "delete from public.refinement_metrics where project_id = %s and version = 1 and view_index = 2", pair
        )
        told = client.get(f"/projects/{pair}/compare?a=0&b=1").json()["training"]
        assert told["only_in_a"] == ["0002.jpg"] and told["only_in_b"] == []
        assert told["mean"]["psnr"] == told["views"][0]["psnr"], "the mean is of what both were measured on"

    def test_only_the_terms_that_both_have_decide(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        """v0 was measured before there were other terms, v1 with all of them, v2 without the weights of LPIPS."""
        for version, lpips, depth in ((1, 0.9, 0.1), (2, None, 0.6)):
            for update in (
                "update public.gaussian_splat_models set lpips = %s, depth_consistency = %s",
                "update public.refinement_metrics set lpips = %s, depth_consistency = %s",
            ):
                worker.sql(f"{update} where project_id = %s and version = %s", lpips, depth, pair, version)
        worker.sql("update public.gaussian_splat_models set psnr = 20, ssim = 0.5 where project_id = %s", pair)

        older = client.get(f"/projects/{pair}/compare?a=0&b=1").raise_for_status().json()
        assert older["difference"]["overall_quality"] == 0, "what only v1 has counts for neither"
        mean = older["held_out"]["mean"]
        assert mean["lpips"] is None and mean["depth_consistency"] is None
        for side in ("a", "b"):
            assert mean["overall"][side] == pytest.approx(
                overall_quality(mean["psnr"][side], mean["ssim"][side]), abs=1e-12
            )
        newer = client.get(f"/projects/{pair}/compare?a=1&b=2").raise_for_status().json()
        assert newer["difference"]["overall_quality"] == pytest.approx(0.5 / 5)
        view = newer["held_out"]["views"][0]
        assert view["lpips"] is None
        assert view["depth_consistency"] == {"a": 0.1, "b": 0.6, "difference": 0.5}
        assert view["overall"]["a"] == pytest.approx(overall_quality(view["psnr"]["a"], view["ssim"]["a"], None, 0.1))
        assert (newer["a"]["lpips"], newer["b"]["lpips"]) == (0.9, None)

    def test_lists_say_how_numbers_were_taken(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        worker.sql(
            "update public.refinement_metrics set width = 64, height = 48, mask = 'some', colour = 'sRGB 8-bit',"
            " view_run_id = run_id where project_id = %s and version = 0",
            pair,
        )
        bounds = {"min": [-3, -2, -1], "max": [1, 2, 3], "p1": [-1, -1, -1], "p99": [1, 1, 1.5]}
        worker.sql(
            "update public.gaussian_splat_models set bounds = %s, bytes = 7, seconds = 1.5, degraded = true"
            " where project_id = %s and version = 0",
            json.dumps(bounds),
            pair,
        )
        first = next(m for m in client.get(f"/projects/{pair}/metrics").json()["items"] if m["version"] == 0)
        assert (first["width"], first["height"], first["mask"], first["colour"]) == (64, 48, "some", "sRGB 8-bit")
        assert first["view_run_id"] == first["run_id"] and first["lpips"] is None
        models = client.get(f"/projects/{pair}/models").json()["items"]
        assert (models[0]["bounds"], models[0]["bytes"], models[0]["seconds"]) == (bounds, 7, 1.5)
        assert [model["degraded"] for model in models] == [True, False, False]
        assert models[1]["bounds"] is None, "a version of before"

    def test_another_set(self, client: httpx.Client, worker: Worker, pair: str) -> None:
        """A project has one set; what says otherwise is refused and not averaged."""
        other = client.post("/projects").json()["id"]
        [made] = worker.sql(
            "insert into public.eval_sets (project_id, width, height, image_names) values (%s, 64, 48, '[]')"
            " returning id",
            other,
        )
        worker.sql(
            "update public.refinement_metrics set eval_set_id = %s where project_id = %s and version = 1"
            " and split = 'held_out'",
            made["id"],
            pair,
        )
        answer = client.get(f"/projects/{pair}/compare?a=0&b=1")
        assert code_of(answer) == (409, "eval_sets_differ") and "different evaluation sets" in answer.text


def test_classes_stand_in_lists_and_status(client: httpx.Client, worker: Worker, project: str) -> None:
    worker.sql(
        "update public.gaussian_splat_models set psnr = 25, ssim = 0.85 where project_id = %s and version = 0", project
    )
    worker.sql("update public.gaussian_splat_models set psnr = 19.99 where project_id = %s and version = 1", project)
    worker.sql("update public.gaussian_splat_models set ssim = null where project_id = %s and version = 3", project)
    listed = client.get(f"/projects/{project}/models").json()["items"]
    expected = ["normal", "failure", "warning", None, "warning"]
    assert [model["quality_class"] for model in listed] == expected
    assert listed[0]["expected_quality"]["normal"] == {"psnr": 25, "ssim": 0.85}
    status = client.get(f"/status/{project}").json()
    assert [model["quality_class"] for model in status["models"]] == expected
    assert status["expected_quality"]["warning"] == {"psnr": 20, "ssim": 0.75}
