"""Share links: one model for whoever has the link, and nothing else of the project."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from tests.api.worker import Worker

from maquette.api.shared import SHARED_URL_S
from maquette.machine_keys import MachineKey, hash_of
from maquette.settings import Settings


@pytest.fixture(scope="module")
def stranger(settings: Settings, serve_beside_supabase: Any) -> Iterator[httpx.Client]:
    """Somebody without credentials, at a server that asks for them."""
    with (
        serve_beside_supabase(settings) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=30, trust_env=False, follow_redirects=True) as client,
    ):
        yield client


@pytest.fixture
def share(api: httpx.Client, generated: str) -> Callable[..., dict[str, Any]]:
    def make(**body: Any) -> dict[str, Any]:
        answer = api.post(f"/projects/{generated}/shares", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/api/v1/shared/{made['share_key']}"
        return made

    return make


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_stranger_sees_one_model(
    stranger: httpx.Client, worker: Worker, generated: str, share: Callable[..., dict[str, Any]]
) -> None:
    made = share()
    assert len(made["share_key"]) == 43 and made["state"] == "active" and made["title"] == "Fountain"
    assert urlsplit(made["url"]).path == f"/v/{made['share_key']}", "the page, not the API"
    answer = stranger.get(f"/shared/{made['share_key']}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    shown = answer.json()
    assert set(shown) == {
        "title", "version", "model_url", "preview_url", "cameras", "start_camera", "allow_download", "formats",
        "urls_expire_at",
    }  # fmt: skip
    assert (shown["title"], shown["version"], shown["allow_download"]) == ("Fountain", 0, False)
    assert stranger.get(shown["model_url"]).content.startswith(b"model0.ply of run")
    assert [one["format"] for one in shown["formats"]] == ["ply"]
    assert shown["formats"][0]["download_url"] is None
    # The addresses hold the object's path; nothing else names the project or its owner.
    without = answer.text.replace(shown["model_url"], "")
    [project] = worker.sql("select owner_id from public.projects where id = %s", generated)
    assert generated not in without and str(project["owner_id"]) not in answer.text
    assert made["id"] not in answer.text


def test_the_key_opens_nothing_else(
    stranger: httpx.Client, generated: str, share: Callable[..., dict[str, Any]]
) -> None:
    key = share()["share_key"]
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        assert code_of(stranger.get(f"/projects/{generated}", headers=headers)) == (401, "credentials_wrong")
    shown = stranger.get(f"/shared/{key}").json()
    other = shown["model_url"].replace("model0.ply", "view0.jpg").replace("3d-models", "multiview-images")
    assert stranger.get(other).status_code == 400, "a signed address opens its own object"


def test_no_photo_is_shown(stranger: httpx.Client, share: Callable[..., dict[str, Any]]) -> None:
    """Not in the picture either: the stored preview has photos in it. And of cameras only where they stood."""
    key = share()["share_key"]
    shown = stranger.get(f"/shared/{key}").json()
    picture = urlsplit(shown["preview_url"])
    assert (picture.path, picture.query) == (f"/api/v1/shared/{key}/render", "view=0")
    assert len(shown["cameras"]) > 1 and [one["view_index"] for one in shown["cameras"]] == sorted(
        one["view_index"] for one in shown["cameras"]
    )
    for camera in shown["cameras"]:
        assert set(camera) == {"view_index", "camera_from_world", "fx", "fy", "cx", "cy", "width", "height"}
        assert [len(row) for row in camera["camera_from_world"]] == [4, 4, 4, 4]


def test_versions(
    api: httpx.Client, stranger: httpx.Client, worker: Worker, generated: str, share: Callable[..., dict[str, Any]]
) -> None:
    newest, first = share(), share(version=0)
    worker.refine(api.post(f"/refine/{generated}").json()["run_id"])
    assert stranger.get(f"/shared/{newest['share_key']}").json()["version"] == 2, (
        "the promoted one, when somebody looks"
    )
    shown = stranger.get(f"/shared/{first['share_key']}").json()
    assert shown["version"] == 0 and "model0.ply" in shown["model_url"]
    api.post(f"/projects/{generated}/models/1/promote").raise_for_status()
    assert stranger.get(f"/shared/{newest['share_key']}").json()["version"] == 1


def test_downloads_where_they_are_offered(
    api: httpx.Client, stranger: httpx.Client, worker: Worker, generated: str, share: Callable[..., dict[str, Any]]
) -> None:
    worker.export(api.post(f"/export/{generated}", json={"format": "splat"}).json()["run_id"])
    only_seen, offered = share(), share(allow_download=True, title='Grüße "an" alle')
    seen = stranger.get(f"/shared/{only_seen['share_key']}").json()
    assert [(one["format"], one["download_url"]) for one in seen["formats"]] == [("ply", None), ("splat", None)]
    files = stranger.get(f"/shared/{offered['share_key']}").json()["formats"]
    assert [one["format"] for one in files] == ["ply", "splat"]
    for one in files:
        fetched = stranger.get(one["download_url"])
        assert fetched.status_code == 200 and len(fetched.content) == one["bytes"]
        disposition = fetched.headers["content-disposition"]
        assert disposition.startswith("attachment") and f"v0.{one['format']}" in disposition


def test_addresses_live_shortly(stranger: httpx.Client, share: Callable[..., dict[str, Any]]) -> None:
    def lifetime(made: dict[str, Any]) -> float:
        shown = stranger.get(f"/shared/{made['share_key']}").json()
        [token] = parse_qs(urlsplit(shown["model_url"]).query)["token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        until = datetime.fromisoformat(shown["urls_expire_at"])
        assert abs(until.timestamp() - claims["exp"]) <= 2
        seconds: float = claims["exp"] - claims["iat"]
        return seconds

    assert lifetime(share()) == SHARED_URL_S
    soon = datetime.now(UTC) + timedelta(seconds=60)
    assert lifetime(share(expires_at=soon.isoformat())) <= 60, "no longer than the link itself"


class TestEnds:
    def test_revoked(
        self, api: httpx.Client, stranger: httpx.Client, generated: str, share: Callable[..., dict[str, Any]]
    ) -> None:
        made = share()
        path = f"/projects/{generated}/shares/{made['id']}"
        assert api.delete(path).status_code == 204
        assert code_of(stranger.get(f"/shared/{made['share_key']}")) == (410, "share_revoked")
        [listed] = api.get(f"/projects/{generated}/shares").json()["items"]
        assert listed["state"] == "revoked" and listed["revoked_at"]
        assert api.delete(path).status_code == 204
        [again] = api.get(f"/projects/{generated}/shares").json()["items"]
        assert again["revoked_at"] == listed["revoked_at"]

    def test_expired(
        self,
        api: httpx.Client,
        stranger: httpx.Client,
        worker: Worker,
        generated: str,
        share: Callable[..., dict[str, Any]],
    ) -> None:
        made = share(expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
        assert stranger.get(f"/shared/{made['share_key']}").status_code == 200
        worker.sql("update public.share_links set expires_at = now() where id = %s", made["id"])
        assert code_of(stranger.get(f"/shared/{made['share_key']}")) == (410, "share_expired")
        assert api.get(f"/projects/{generated}/shares").json()["items"][0]["state"] == "expired"

    @pytest.mark.parametrize("key", ["a" * 43, "a" * 42, "%00" * 43, "..", "ä" * 43, "a'; drop table x; --"])
    def test_unknown(self, stranger: httpx.Client, key: str) -> None:
        answer = stranger.get(f"/shared/{key}" if key != ".." else "/shared/%2e%2e")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] in ("share_not_found", "unknown_route")

    def test_with_the_project(
        self, api: httpx.Client, stranger: httpx.Client, generated: str, share: Callable[..., dict[str, Any]]
    ) -> None:
        key = share()["share_key"]
        api.delete(f"/projects/{generated}").raise_for_status()
        assert code_of(stranger.get(f"/shared/{key}")) == (404, "share_not_found")

    def test_nothing_promoted(
        self, stranger: httpx.Client, worker: Worker, generated: str, share: Callable[..., dict[str, Any]]
    ) -> None:
        key = share()["share_key"]
        worker.sql("update public.gaussian_splat_models set promoted = false where project_id = %s", generated)
        assert code_of(stranger.get(f"/shared/{key}")) == (404, "share_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expiry_passed"),
        ({"expires_at": "2040-01-01T00:00:00"}, "invalid_parameters"),
        ({"title": ""}, "invalid_parameters"),
        ({"title": "a\nb"}, "invalid_parameters"),
        ({"title": "x" * 201}, "invalid_parameters"),
        ({"version": -1}, "invalid_parameters"),
        ({"version": 2**31}, "invalid_parameters"),
        ({"share_key": "mine"}, "invalid_parameters"),
    ],
)
def test_what_makes_no_link(api: httpx.Client, generated: str, body: dict[str, Any], code: str) -> None:
    assert code_of(api.post(f"/projects/{generated}/shares", json=body)) == (422, code)
    assert api.get(f"/projects/{generated}/shares").json()["items"] == []


def test_without_a_model_there_is_nothing_to_share(api: httpx.Client, project_id: str, generated: str) -> None:
    empty = api.post("/projects").json()["id"]
    assert code_of(api.post(f"/projects/{empty}/shares")) == (409, "nothing_generated")
    assert code_of(api.post(f"/projects/{generated}/shares", json={"version": 9})) == (404, "version_not_found")


def test_links_of_another_project_are_not_found(
    api: httpx.Client, stranger: httpx.Client, share: Callable[..., dict[str, Any]]
) -> None:
    made = share()
    another = api.post("/projects").json()["id"]
    for link in (made["id"], made["share_key"]):
        answer = api.delete(f"/projects/{another}/shares/{link}")
        assert code_of(answer) == (404, "share_not_found")
    assert stranger.get(f"/shared/{made['share_key']}").status_code == 200


def test_lists_are_read_in_parts(api: httpx.Client, generated: str, share: Callable[..., dict[str, Any]]) -> None:
    made = [share(title=str(number))["id"] for number in range(5)]
    read: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get(f"/projects/{generated}/shares", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        read += [one["id"] for one in page.json()["items"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert read == made[::-1]
    odd = api.get(f"/projects/{generated}/shares", params={"cursor": "WyJ4IiwgInkiXQ=="})
    assert code_of(odd) == (422, "bad_cursor")


def test_views_are_noted_once_a_minute(
    api: httpx.Client, stranger: httpx.Client, worker: Worker, generated: str, share: Callable[..., dict[str, Any]]
) -> None:
    made = share()

    def noted() -> Any:
        return api.get(f"/projects/{generated}/shares").json()["items"][0]["last_viewed_at"]

    assert noted() is None
    stranger.get(f"/shared/{made['share_key']}")
    first = noted()
    stranger.get(f"/shared/{made['share_key']}")
    assert first is not None and noted() == first
    worker.sql("update public.share_links set last_viewed_at = now() - interval '61 seconds' where id = %s", made["id"])
    stranger.get(f"/shared/{made['share_key']}")
    assert noted() > first


def test_the_log_does_not_hold_the_key(
    stranger: httpx.Client, share: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    key = share()["share_key"]
    with caplog.at_level(logging.DEBUG, logger="maquette"):
        page = stranger.get(f"{str(stranger.base_url).removesuffix('/api/v1/')}/v/{key}")
        stranger.get(f"/shared/{key}").raise_for_status()
        stranger.post(f"/shared/{key}")
    assert page.headers["referrer-policy"] == "no-referrer", "nor do other sites learn it"
    assert "/api/v1/shared/… 200" in caplog.text and "GET /v/… " in caplog.text and key not in caplog.text


def test_on_the_embedded_stack_too(settings: Settings, serve_again: Any, share: Callable[..., dict[str, Any]]) -> None:
    """Where keys are needed, as on a server that others reach; addresses are those the visitor came by."""
    made = share()
    keyed = settings.model_copy(update={"api_keys": (MachineKey(hash_of("a-key-that-visitors-lack")),)})
    with serve_again(keyed) as url, httpx.Client(trust_env=False) as client:
        assert client.get(f"{url}/api/v1/projects").status_code == 401
        shown = client.get(f"{url}/api/v1/shared/{made['share_key']}").json()
        assert shown["model_url"].startswith(f"{url}/storage/v1/object/sign/3d-models/")
        assert client.get(shown["model_url"]).status_code == 200
        assert client.get(f"{url}/api/v1/projects/{uuid.uuid4()}/shares").status_code == 401
