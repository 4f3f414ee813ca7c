"""Everything that can be wrong with a call: its code, its status, a way out, and a project that stays usable."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from typing import Any

import httpx
import pytest

NOWHERE = "00000000-0000-4000-8000-0000000000aa"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, after checking its shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "suggestion"}
    assert error["code"] == code
    assert error["message"].endswith((".", "!")) and error["suggestion"]
    return error


def huge_png() -> bytes:
    """A 40,000 x 40,000 picture in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/projects/{}"),
        ("PATCH", "/projects/{}"),
        ("DELETE", "/projects/{}"),
        ("POST", "/generate/{}"),
        ("POST", "/refine/{}"),
        ("POST", "/export/{}"),
        ("GET", "/export/{}"),
        ("GET", "/status/{}"),
        ("GET", "/projects/{}/images"),
        ("GET", "/projects/{}/runs"),
        ("GET", "/projects/{}/events"),
        ("POST", "/projects/{}/models/0/promote"),
    ],
)
@pytest.mark.parametrize("identifier", [NOWHERE, "no-uuid"])
def test_unknown_project(api: httpx.Client, method: str, path: str, identifier: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    refused(api.request(method, path.format(identifier), json=body), 404, "project_not_found")


@pytest.mark.parametrize("identifier", [NOWHERE, "no-uuid"])
def test_unknown_run(api: httpx.Client, identifier: str) -> None:
    refused(api.get(f"/runs/{identifier}"), 404, "run_not_found")
    refused(api.post(f"/runs/{identifier}/cancel"), 404, "run_not_found")
    refused(api.post(f"/runs/{identifier}/retry"), 404, "run_not_found")


def test_steps_out_of_order(api: httpx.Client, worker: Any, project_id: str) -> None:
    refused(api.post(f"/generate/{project_id}"), 409, "no_photos")
    refused(api.post(f"/refine/{project_id}"), 409, "nothing_generated")
    refused(api.post(f"/export/{project_id}"), 409, "nothing_generated")
    refused(api.get(f"/export/{project_id}"), 409, "nothing_generated")
    refused(api.post(f"/projects/{project_id}/models/0/promote"), 409, "nothing_generated")
    worker.add_photos(project_id, 1)
    worker.add_photos(project_id, 4, verdict="rejected")
    # One of five that can be used is no lone photo: nobody asked for a relief, unless a method for one is named.
    refused(api.post(f"/generate/{project_id}"), 422, "not_enough_photos")
    relief = api.post(f"/generate/{project_id}?dry_run=true", json={"view_method": "relief"})
    assert relief.json()["would_run"] is True, relief.text
    worker.add_photos(project_id, 1)
    error = refused(api.post(f"/generate/{project_id}"), 422, "not_enough_photos")
    assert error["details"] == {"found": 2, "needed": 3, "uploaded": 6}
    worker.add_photos(project_id, 1)
    assert api.post(f"/generate/{project_id}").status_code == 202
    assert api.get(f"/projects/{project_id}/runs").json()["next"] is None


def test_unknown_version_and_format(api: httpx.Client, generated: str) -> None:
    refused(api.post(f"/refine/{generated}", json={"from_version": 9}), 404, "version_not_found")
    refused(api.post(f"/export/{generated}", json={"version": 9}), 404, "version_not_found")
    refused(api.post(f"/projects/{generated}/models/9/promote"), 404, "version_not_found")
    for answer in (
        api.post(f"/export/{generated}", json={"format": "doc"}),
        api.get(f"/export/{generated}", params={"format": "doc"}),
    ):
        error = refused(answer, 422, "unknown_format")
        assert "ply" in str(error["details"]) and "splat" in str(error["details"])
    assert api.post(f"/export/{generated}", json={"format": "ply"}).status_code == 202


def test_views_that_cannot_be_refined(api: httpx.Client, generated: str) -> None:
    error = refused(api.post(f"/refine/{generated}", json={"views_to_refine": [1, 77]}), 422, "unknown_views")
    assert error["details"] == {"unknown": [77]}
    error = refused(api.post(f"/refine/{generated}", json={"views_to_refine": [0, 1]}), 422, "held_out_views")
    assert error["details"] == {"held_out": [0]}
    assert api.post(f"/refine/{generated}", json={"views_to_refine": [1, 2]}).status_code == 202
    refused(
        api.post(f"/refine/{generated}", json={"views_to_refine": [0], "enhancement": "none"}), 422, "held_out_views"
    )
    enhanced = {"views_to_refine": [0, 1], "enhancement": "classical"}
    assert api.post(f"/refine/{generated}", json=enhanced).status_code == 202, "the camera teaches, not the photo"


@pytest.mark.parametrize(
    ("step", "body", "field", "bounds"),
    [
        ("generate", {"preset": "slow"}, "preset", {"expected": "'fastest', 'balanced' or 'quality'"}),
        ("generate", {"seed": -1}, "seed", {"ge": 0}),
        ("generate", {"long_side": 99999}, "long_side", {"le": 4096}),
        ("generate", {"colour": "red"}, "colour", None),
        ("refine", {"num_iterations": 0}, "num_iterations", {"ge": 1}),
        ("refine", {"learning_rate": 0}, "learning_rate", {"gt": 0.0}),
        ("refine", {"convergence_threshold": 2}, "convergence_threshold", {"le": 1.0}),
        ("refine", {"from_version": "first"}, "from_version", None),
        ("export", {"version": -1}, "version", {"ge": 0}),
        ("export", [1], "body", None),
    ],
)
def test_parameters_out_of_bounds(
    api: httpx.Client, generated: str, step: str, body: Any, field: str, bounds: Any
) -> None:
    error = refused(api.post(f"/{step}/{generated}", json=body), 422, "invalid_parameters")
    (found,) = error["details"]["fields"]
    assert found["field"] == field and found.get("bounds") == bounds
    assert field in error["message"]


@pytest.mark.parametrize("wait", ["-1", "601", "inf", "nan", "soon"])
def test_wait_out_of_bounds(api: httpx.Client, generated: str, wait: str) -> None:
    error = refused(api.post(f"/generate/{generated}", params={"wait": wait}), 422, "invalid_parameters")
    assert error["details"]["fields"][0]["field"] == "wait"


@pytest.mark.parametrize(
    "content", [b"{", b'{"seed": NaN}', b'{"seed": 1e400}', b'"\xff"', b"[" * 5000, b'{"seed": ' + b"9" * 5000 + b"}"]
)
def test_bodies_that_are_no_parameters(api: httpx.Client, generated: str, content: bytes) -> None:
    answer = api.post(f"/generate/{generated}", content=content, headers={"content-type": "application/json"})
    refused(answer, 422, "invalid_parameters")


def test_a_form_in_place_of_json(api: httpx.Client, generated: str) -> None:
    error = refused(api.post(f"/generate/{generated}", data={"seed": "1"}), 422, "invalid_parameters")
    assert "application/json" in error["message"]


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "a\x00b", "\ud800", 5, None])
def test_names_of_projects(api: httpx.Client, project_id: str, name: Any) -> None:
    content = json.dumps({"name": name})
    headers = {"content-type": "application/json"}
    refused(api.post("/projects", content=content, headers=headers), 422, "invalid_parameters")
    refused(api.patch(f"/projects/{project_id}", content=content, headers=headers), 422, "invalid_parameters")
    assert api.get(f"/projects/{project_id}").json()["name"] == "Fountain"


@pytest.mark.parametrize("cursor", ["x", "W10=", "WyJhIiwiYiIsImMiXQ==", "WyJhIiwiYiJd", "WyJcdTAwMDAiLCAiYiJd"])
def test_cursors_that_are_none(api: httpx.Client, project_id: str, cursor: str) -> None:
    for path in ("/projects", f"/projects/{project_id}/images", f"/projects/{project_id}/runs"):
        answer = api.get(path, params={"cursor": cursor})
        refused(answer, 422, "bad_cursor")


def test_unknown_routes_and_methods(api: httpx.Client, address: str) -> None:
    refused(api.get("/nothing"), 404, "unknown_route")
    refused(httpx.get(f"{address}/elsewhere", trust_env=False), 404, "unknown_route")
    answer = api.put("/projects")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST" and "GET or POST" in answer.json()["error"]["suggestion"]


def test_an_id_left_empty_is_no_success(api: httpx.Client, project_id: str) -> None:
    """What `DELETE …/$ID` sends where the variable is not set: neither a redirect nor a call on all of them."""
    for path in ("/projects/", f"/projects/{project_id}/shares/"):
        refused(api.delete(path), 404, "unknown_route")
    assert api.get(f"/projects/{project_id}").status_code == 200


class TestUpload:
    def test_no_files(self, api: httpx.Client, project_id: str) -> None:
        form = [("project_id", (None, project_id.encode()))]
        refused(api.post("/upload", files=form), 422, "no_files")
        empty = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=x"}
        refused(api.post("/upload", content=empty, headers=headers), 422, "no_files")
        refused(api.post("/upload", files={"file": (None, b"")}), 422, "no_files")

    def test_a_name_in_place_of_a_file(self, api: httpx.Client) -> None:
        error = refused(api.post("/upload", files={"file": (None, b"a.jpg")}), 422, "malformed_upload")
        assert "@" in error["suggestion"]

    def test_no_form(self, api: httpx.Client) -> None:
        refused(api.post("/upload"), 422, "not_multipart")
        refused(api.post("/upload", json={"file": "a.jpg"}), 422, "not_multipart")
        headers = {"content-type": "multipart/form-data; boundary=x"}
        refused(api.post("/upload", content=b"hello", headers=headers), 422, "malformed_upload")
        broken = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nhalf'
        refused(api.post("/upload", content=broken, headers=headers), 422, "malformed_upload")

    def test_files_that_are_no_photos(self, api: httpx.Client, photo: Any, photos: list[Any], project_id: str) -> None:
        contents = {
            "empty_file": b"",
            "not_an_image": b"hello, I am text",
            "image_too_large": huge_png(),
            "truncated_image": photo(1)[:2000],
        }
        bad = [("file", (f"{code}.jpg", content, "image/jpeg")) for code, content in contents.items()]
        form = {"project_id": project_id}
        for files in (bad[1:2], bad):
            error = refused(api.post("/upload", data=form, files=files), 422, "no_usable_photos")
            found = {file["filename"]: file["reasons"][0]["code"] for file in error["details"]["files"]}
            assert found == {name: name.removesuffix(".jpg") for _, (name, _, _) in files}
            assert all(file["reasons"][0]["suggestion"] for file in error["details"]["files"])
            assert error["details"]["project_id"] == project_id

        beside = api.post("/upload", data=form, files=[*photos, bad[1]])
        assert [image["verdict"] for image in beside.json()["images"]] == ["ok", "ok", "ok", "rejected"]
        assert api.post(f"/generate/{project_id}").status_code == 202

    def test_bad_files_beside_good_ones(self, api: httpx.Client, photos: list[Any]) -> None:
        body = api.post("/upload", files=[("file", ("a.jpg", b"text", "image/jpeg")), *photos]).json()
        assert [image["verdict"] for image in body["images"]] == ["rejected", "ok", "ok", "ok"]
        first = body["images"][1]
        assert body["processed_url"].partition("?")[0] == first["processed_url"].partition("?")[0]
        assert api.post(f"/generate/{body['project_id']}").status_code == 202

    def test_two_copies_of_a_photo(self, api: httpx.Client, photo: Any) -> None:
        files = [("file", (f"{n}.jpg", photo(n % 3), "image/jpeg")) for n in range(4)]
        images = api.post("/upload", files=files).json()["images"]
        assert [image["verdict"] for image in images] == ["ok", "ok", "ok", "rejected"]
        assert images[3]["reasons"][0]["code"] == "duplicate"

    def test_limits(self, api: httpx.Client, worker: Any, photo: Any, project_id: str) -> None:
        def send(count: int, size: int) -> httpx.Response:
            files = [("file", (f"{n}.jpg", bytes(size), "image/jpeg")) for n in range(count)]
            return api.post("/upload", data={"project_id": project_id}, files=files)

        refused(send(9, 10), 413, "too_many_photos")
        refused(send(40, 10), 413, "too_many_photos")
        refused(send(1, 1_000_001), 413, "file_too_large")
        refused(send(1, 20_000_000), 413, "upload_too_large")
        refused(send(3, 900_000), 413, "upload_too_large")
        worker.add_photos(project_id, 7)
        error = refused(send(2, 10), 413, "too_many_photos")
        assert error["details"] == {"max_photos": 8, "already": 7, "project_id": project_id}
        one = [("file", ("a.jpg", photo(5), "image/jpeg"))]
        assert api.post("/upload", data={"project_id": project_id}, files=one).status_code == 200

    def test_unknown_project(self, api: httpx.Client, photos: list[Any]) -> None:
        for identifier in (NOWHERE, "no-uuid", "\x00"):
            answer = api.post("/upload", data={"project_id": identifier}, files=photos)
            refused(answer, 404, "project_not_found")

    @pytest.mark.parametrize("field", ["views", "depth_renders"])
    def test_a_lone_side_of_six(self, api: httpx.Client, field: str) -> None:
        refused(api.post("/upload", files={field: ("front.png", b"1", "image/png")}), 422, "six_views_wrong_count")

    def test_what_is_called_a_video_and_is_none(self, api: httpx.Client) -> None:
        for name, mime in (("a.mp4", "application/octet-stream"), ("a", "video/quicktime")):
            refused(api.post("/upload", files={"file": (name, b"1", mime)}), 422, "no_usable_photos")

    def test_fields_that_do_not_exist(self, api: httpx.Client, photos: list[Any]) -> None:
        refused(api.post("/upload", files={"picture": ("a.jpg", b"1", "image/jpeg")}), 422, "unknown_field")
        refused(api.post("/upload", data={"colour": "red"}, files=photos), 422, "unknown_field")
        error = refused(api.post("/upload", data={"remove_bg": "perhaps"}, files=photos), 422, "invalid_parameters")
        assert error["details"]["fields"][0]["field"] == "remove_bg"
        refused(api.post("/upload", data={"project_id": "x" * 2000}, files=photos), 422, "malformed_upload")

    def test_names_of_files_are_data(self, api: httpx.Client, settings: Any, photo: Any) -> None:
        names = ["../../../etc/passwd", "C:\\photos\\a.jpg", "/abs.jpg", 'q"\r\n.jpg', "🗿.jpg"]
        before = set(settings.home.rglob("*passwd*"))
        files = [("file", (name, photo(n), "image/jpeg")) for n, name in enumerate(names)]
        body = api.post("/upload", files=files).json()
        shown = [image["filename"] for image in body["images"]]
        assert shown[:3] == ["passwd", "a.jpg", "abs.jpg"] and shown[4] == "🗿.jpg"
        assert all("/" not in name and "\n" not in name for name in shown)
        assert set(settings.home.rglob("*passwd*")) == before
        assert not list((settings.home / "incoming").iterdir())


def test_a_project_can_be_used_after_every_refusal(api: httpx.Client, photos: list[Any], project_id: str) -> None:
    api.post("/upload", data={"project_id": project_id}, files=[("file", ("a.txt", b"text", "text/plain"))])
    api.post(f"/generate/{project_id}")
    api.post(f"/refine/{project_id}")
    assert api.post("/upload", data={"project_id": project_id}, files=photos).status_code == 200
    run = api.post(f"/generate/{project_id}")
    assert run.status_code == 202 and uuid.UUID(run.json()["run_id"])
