"""Large files by resumable upload: announced, sent in pieces by a token, taken in by an upload, once."""

from __future__ import annotations

import base64
import io
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.api.worker import Worker

from maquette.settings import Settings


def error_code(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    return code


def announce(api: httpx.Client, project_id: str, size: int, name: str = "photos.zip", **headers: str) -> dict[str, Any]:
    body = {"name": name, "bytes": size}
    made = api.post(f"/projects/{project_id}/incoming", json=body, headers=headers)
    assert made.is_success, made.text
    answer: dict[str, Any] = made.json()
    return answer


def create(upload: dict[str, Any], length: int) -> httpx.Response:
    """As tus clients begin; nothing of the file goes yet."""
    metadata = ",".join(
        f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in upload["metadata"].items()
    )
    headers = {**upload["headers"], "Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": metadata}
    return httpx.post(upload["endpoint"], headers=headers, trust_env=False)


def append(location: str, upload: dict[str, Any], data: bytes, offset: int = 0) -> httpx.Response:
    kind = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return httpx.patch(location, headers={**upload["headers"], **kind}, content=data, trust_env=False)


def send(upload: dict[str, Any], data: bytes) -> None:
    created = create(upload, len(data))
    assert created.status_code == 201, created.text
    assert append(created.headers["location"], upload, data).status_code == 204


def take_in(api: httpx.Client, *ids: str, key: str | None = None, **form: str) -> httpx.Response:
    parts: list[tuple[str, tuple[None, str]]] = [("incoming", (None, one)) for one in ids]
    parts += [(name, (None, text)) for name, text in form.items()]
    return api.post("/upload", files=parts, headers={"Idempotency-Key": key} if key else {})


@pytest.fixture
def archive(photo: Callable[[int], bytes]) -> bytes:
    """Three photos in a ZIP."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for number in range(3):
            packed.writestr(f"{number}.jpg", photo(700 + number))
    return target.getvalue()


@pytest.fixture
def staged(worker: Worker) -> Callable[[str], list[str]]:
    """The project's objects that wait to be taken in."""

    def names(project_id: str) -> list[str]:
        like = f"{project_id}/incoming/%"
        rows = worker.sql("select name from storage.objects where bucket_id = 'project-uploads' and name like %s", like)
        return [str(row["name"]) for row in rows]

    return names


def test_a_file_is_sent_in_pieces_and_taken_in(
    api: httpx.Client, project_id: str, archive: bytes, photo: Any, staged: Any
) -> None:
    made = announce(api, project_id, len(archive))
    assert (made["complete"], made["run_id"], made["upload"]["chunk_bytes"]) == (False, None, 6 * 2**20)
    assert made["upload"]["expires_in_s"] > 600
    location = create(made["upload"], len(archive)).headers["location"]
    assert append(location, made["upload"], archive[:1000]).headers["upload-offset"] == "1000"
    early = take_in(api, made["id"])
    assert early.status_code == 409 and error_code(early) == "incoming_incomplete"
    # Another token for the same object goes on with what the first one began.
    read = f"/projects/{project_id}/incoming/{made['id']}"
    renewed = api.get(read).json()
    assert append(location, renewed["upload"], archive[1000:], 1000).status_code == 204
    assert api.get(read).json() | {"complete": True, "upload": None} == api.get(read).json()
    assert staged(project_id) == [f"{project_id}/incoming/{made['id']}"]

    # Among files that come with the form, and its own options, as any file.
    parts = [
        ("file", ("first.jpg", photo(711), "image/jpeg")),
        ("incoming", (None, made["id"])),
        ("original_resolution", (None, "true")),
    ]
    answer = api.post("/upload", files=parts)
    assert answer.status_code == 200, answer.text
    assert answer.json()["project_id"] == project_id, "the project it was announced for"
    assert [image["filename"] for image in answer.json()["images"]] == ["first.jpg", "0.jpg", "1.jpg", "2.jpg"]
    assert staged(project_id) == [], "it lies among the photos now"
    assert api.get(read).json()["run_id"] == answer.json()["run_id"]


def test_it_is_taken_in_once(api: httpx.Client, project_id: str, archive: bytes) -> None:
    made = announce(api, project_id, len(archive))
    send(made["upload"], archive)
    key = f"walk-{uuid.uuid4()}"
    with ThreadPoolExecutor(2) as together:
        answers = list(together.map(lambda _: take_in(api, made["id"], key=key).json(), range(2)))
    assert answers[0]["run_id"] == answers[1]["run_id"]
    assert sorted(answer["reused"] for answer in answers) == [False, True]
    # The same without a key, with another one, and given up afterwards.
    for again in (
        take_in(api, made["id"]),
        take_in(api, made["id"], key=f"{key}-2"),
        api.delete(f"/projects/{project_id}/incoming/{made['id']}"),
    ):
        assert again.status_code == 409 and error_code(again) == "incoming_used"
        assert again.json()["error"]["details"]["run_id"] == answers[0]["run_id"]
    other = take_in(api, made["id"], key=key, original_resolution="true")
    assert error_code(other) == "idempotency_key_reused"
    assert len(api.get(f"/projects/{project_id}/images").json()["items"]) == 3


def test_an_archive_in_the_form_is_taken_in_once_too(api: httpx.Client, project_id: str, archive: bytes) -> None:
    """Its photos have other names and bytes than the file that was sent."""
    form = {"files": [("file", ("photos.zip", archive, "application/zip"))], "data": {"project_id": project_id}}
    headers = {"Idempotency-Key": f"zip-{uuid.uuid4()}"}
    first, again = (api.post("/upload", headers=headers, **form).json() for _ in range(2))
    assert [first["reused"], again["reused"]] == [False, True] and first["run_id"] == again["run_id"]


def test_asking_again_answers_the_same_file(api: httpx.Client, project_id: str) -> None:
    key = {"Idempotency-Key": f"announce-{uuid.uuid4()}"}
    made = announce(api, project_id, 5000, **key)
    assert announce(api, project_id, 5000, **key)["id"] == made["id"]
    other = api.post(f"/projects/{project_id}/incoming", json={"name": "photos.zip", "bytes": 5001}, headers=key)
    assert other.status_code == 409 and error_code(other) == "idempotency_key_reused"


@pytest.mark.parametrize("came", [4999, 5001])
def test_another_size_than_was_announced(
    api: httpx.Client, project_id: str, staged: Any, photo: Any, came: int
) -> None:
    made = announce(api, project_id, 5000)
    send(made["upload"], photo(720)[:came].ljust(came, b"x"))
    refused = take_in(api, made["id"])
    assert refused.status_code == 422 and error_code(refused) == "incoming_wrong_size"
    assert refused.json()["error"]["details"]["came"] == came
    assert staged(project_id) == [], "it does not stand in the way of the right one"
    read = api.get(f"/projects/{project_id}/incoming/{made['id']}").json()
    assert not read["complete"] and read["upload"]


def test_a_token_opens_one_object_once(api: httpx.Client, project_id: str, archive: bytes) -> None:
    made, other = announce(api, project_id, len(archive)), announce(api, project_id, len(archive))
    stolen = {**made["upload"], "metadata": other["upload"]["metadata"]}
    assert create(stolen, 10).status_code == 400, "another file's name"
    aimed = {**made["upload"]["metadata"], "objectName": f"{project_id}/originals/{'0' * 64}.jpg"}
    assert create({**made["upload"], "metadata": aimed}, 10).status_code == 400
    send(made["upload"], archive)
    assert create(made["upload"], len(archive)).status_code == 409, "nothing is written over what came"
    read = httpx.get(
        made["upload"]["endpoint"].replace("/upload/resumable/sign", f"/object/project-uploads/{project_id}"),
        headers={"Authorization": f"Bearer {made['upload']['headers']['x-signature']}"},
        trust_env=False,
    )
    assert read.status_code == 400, "it is no key for reading"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x\\..\\walk.mp4", "a\u0000b\n.mp4", "\u202e.mp4", "/", "é" * 900]
)
def test_names_are_only_shown(api: httpx.Client, project_id: str, name: str) -> None:
    made = announce(api, project_id, 10, name)
    assert made["upload"]["metadata"]["objectName"] == f"{project_id}/incoming/{made['id']}"
    assert 1 <= len(made["name"]) <= 200 and not set(made["name"]) & set("/\\\n\0\u202e")


@pytest.mark.parametrize(
    "body",
    [{"name": "a.mp4"}, {"name": "", "bytes": 5}, {"name": "a", "bytes": 0}, {"name": "a", "bytes": "5"},
     {"name": "a", "bytes": 5, "bucket": "3d-models"}],
)  # fmt: skip
def test_what_cannot_be_announced(api: httpx.Client, project_id: str, body: dict[str, Any]) -> None:
    assert api.post(f"/projects/{project_id}/incoming", json=body).status_code == 422


def test_no_more_than_any_upload_may_hold(api: httpx.Client, serve_again: Any, settings: Settings, photo: Any) -> None:
    small = settings.model_copy(update={"max_project_mb": 1, "max_file_mb": 1})
    with serve_again(small) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as one:
        project = one.post("/projects").json()["id"]
        asked = f"/projects/{project}/incoming"
        large = one.post(asked, json={"name": "a.mp4", "bytes": 1_000_001})
        assert large.status_code == 413 and error_code(large) == "file_too_large"
        # What is announced counts at once, and no longer where it is given up.
        first = announce(one, project, 700_000)
        full = one.post(asked, json={"name": "b.mp4", "bytes": 700_000})
        assert full.status_code == 413 and error_code(full) == "project_too_large"
        assert one.delete(f"{asked}/{first['id']}").status_code == 204
        assert one.delete(f"{asked}/{first['id']}").status_code == 404
        gone = take_in(one, first["id"])
        assert gone.status_code == 404 and error_code(gone) == "incoming_not_found"
        announce(one, project, 700_000)


def test_as_many_as_one_may_announce(api: httpx.Client, project_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maquette.api.incoming_files.MOST_OPEN", 0)
    refused = api.post(f"/projects/{project_id}/incoming", json={"name": "a.mp4", "bytes": 5})
    assert refused.status_code == 409 and error_code(refused) == "too_many_incoming"


def test_only_into_its_own_project(api: httpx.Client, project_id: str, worker: Worker, archive: bytes) -> None:
    made = announce(api, project_id, len(archive))
    send(made["upload"], archive)
    other = api.post("/projects").json()["id"]
    elsewhere = take_in(api, made["id"], project_id=other)
    assert elsewhere.status_code == 409 and error_code(elsewhere) == "incoming_of_another_project"
    assert api.get(f"/projects/{other}/incoming/{made['id']}").status_code == 404
    twice = take_in(api, made["id"], made["id"])
    assert twice.status_code == 409 and error_code(twice) == "incoming_used"
    for nobodys in (str(uuid.uuid4()), "../walk.mp4", "%"):
        unknown = take_in(api, nobodys)
        assert unknown.status_code == 404 and error_code(unknown) == "incoming_not_found"
    # Somebody else's project, and so somebody else's file.
    worker.sql(
        "with someone as (insert into auth.users (id) values (gen_random_uuid()) returning id)"
        " update public.projects set owner_id = (select id from someone) where id = %s",
        project_id,
    )
    foreign = take_in(api, made["id"])
    assert foreign.status_code == 404 and error_code(foreign) == "incoming_not_found"
    assert api.get(f"/projects/{project_id}/incoming/{made['id']}").status_code == 404
    assert api.post(f"/projects/{project_id}/incoming", json={"name": "a", "bytes": 5}).status_code == 404


def test_its_day_ends(api: httpx.Client, project_id: str, worker: Worker, archive: bytes) -> None:
    key = {"Idempotency-Key": f"late-{uuid.uuid4()}"}
    made = announce(api, project_id, len(archive), **key)
    send(made["upload"], archive)
    worker.sql("update maquette.incoming_files set expires_at = now() where id = %s", made["id"])
    body = {"name": "photos.zip", "bytes": len(archive)}
    for late in (
        take_in(api, made["id"]),
        api.get(f"/projects/{project_id}/incoming/{made['id']}"),
        api.post(f"/projects/{project_id}/incoming", json=body, headers=key),
    ):
        assert late.status_code == 410 and error_code(late) == "incoming_expired"


def test_what_cannot_be_used_can_be_sent_again(api: httpx.Client, project_id: str, photo: Any, staged: Any) -> None:
    """A refused file stays until it is taken in, given up or its day is over, and the project as it was."""
    made = announce(api, project_id, 3000, "broken.zip")
    send(made["upload"], b"PK\x03\x04".ljust(3000, b"?"))
    refused = take_in(api, made["id"])
    assert refused.status_code == 422 and error_code(refused) == "archive_unreadable"
    assert api.get(f"/projects/{project_id}/images").json()["items"] == []
    assert api.delete(f"/projects/{project_id}/incoming/{made['id']}").status_code == 204
    assert staged(project_id) == []


def test_other_forms_take_no_incoming_files(api: httpx.Client, project_id: str) -> None:
    form = {"files": [("incoming", (None, str(uuid.uuid4())))]}
    for answer in (api.post("/projects/import", **form), api.put(f"/projects/{project_id}/images/0", **form)):
        assert answer.status_code == 422 and error_code(answer) == "unknown_field"
