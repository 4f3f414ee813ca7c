"""What users take away, through the real server: every kind of format, the mesh behind some of them, one archive."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import trimesh

from tests.serving import Server, everything, fetched


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def export(client: httpx.Client, project: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = client.post(f"/export/{project['id']}", params={"wait": 600}, json={"version": 0, **body})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_list_of_formats_says_what_opens_them(client: httpx.Client) -> None:
    known = {one["name"]: one for one in client.get("/formats").raise_for_status().json()["items"]}
    assert {"ply", "splat", "spz", "sog", "glb", "obj", "usdz", "stl", "html", "colmap"} <= set(known)
    assert all(one["opens_in"] and one["description"] for one in known.values())
    assert known["glb"]["kind"] == "mesh" and known["glb"]["up_axis"] == "y" and known["colmap"]["optimizations"] == []


def test_a_mesh_is_made_once_and_its_files_go_in_one_archive(client: httpx.Client, project: dict[str, Any]) -> None:
    first = client.get(f"/projects/{project['id']}/download", params={"version": 0, "wait": 0})
    assert first.status_code == 202, first.text
    answer = client.get(f"/projects/{project['id']}/download", params={"version": 0, "wait": 600})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = set(archive.namelist())
    assert {"mesh.obj", "material.mtl", "texture_color.png", "preview_0.png", "quality.json"} <= names
    assert "mesh.npz" not in names
    (mesh,) = everything(client, f"/projects/{project['id']}/meshes")
    told = {file["name"]: file for file in mesh["files"]}
    for name in names:
        assert hashlib.sha256(archive.read(name)).hexdigest() == told[name]["sha256"]
    assert json.loads(archive.read("quality.json"))["mesh"]["faces"] == mesh["triangles"]
    assert fetched(client, told["poster.jpg"]["url"]).startswith(b"\xff\xd8")

    glb = export(client, project, format="glb", origin="center")
    scene = trimesh.load(io.BytesIO(fetched(client, glb["download_url"])), file_type="glb", force="mesh")
    assert len(scene.faces) == mesh["triangles"]
    assert len(everything(client, f"/projects/{project['id']}/meshes")) == 1, "the second export used the same mesh"


def test_a_lossy_file_tells_what_it_lost_and_how_it_stands(client: httpx.Client, project: dict[str, Any]) -> None:
    made = export(client, project, format="spz", optimize=True, up_axis="z")
    row = next(one for one in everything(client, f"/projects/{project['id']}/exports") if one["format"] == "spz")
    assert row["measured_loss"] == made["measured_loss"] and row["measured_loss"]["split"] == "held_out"
    assert row["details"]["up_axis"] == "z" and row["details"]["up"]["sentence"]
    assert row["options"]["optimize"] is True


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"format": "fbx"}, 422, "unknown_format"),
        ({"format": "colmap", "optimize": True}, 422, "nothing_to_optimize"),
        ({"format": "ply", "version": 99}, 404, "version_not_found"),
        ({"format": "ply", "scale": 0}, 422, "invalid_parameters"),
        ({"format": "ply", "crop": [1, 2, 3]}, 422, "invalid_parameters"),
        ({"format": "ply", "crop": [900, 900, 900, 901, 901, 901]}, 422, "crop_empty"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_words(
    client: httpx.Client, project: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    before = len(everything(client, f"/projects/{project['id']}/exports"))
    answer = client.post(f"/export/{project['id']}", params={"wait": 60}, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    query = {key: ",".join(map(str, value)) if key == "crop" else value for key, value in body.items()}
    assert client.get(f"/export/{project['id']}", params=query).status_code == status
    assert len(everything(client, f"/projects/{project['id']}/exports")) == before
