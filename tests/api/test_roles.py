"""Everybody at every door: each route of the app as each kind of caller. What is expected stands in doors.py."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.api.bundles import empty_bundle
from tests.api.doors import ANYBODY, EXPECTED, NAMED, OWN, PAGES, doors
from tests.api.substance import give_substance
from tests.api.supabase import LittleSupabase
from tests.api.worker import Worker
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from maquette.api.app import create_app
from maquette.machine_keys import SHOWN, hash_of, make_key
from maquette.settings import Connections, Settings

IMPORT = "/api/v1/projects/import"
SAMPLE = "/api/v1/projects/sample"
BODIES = {
    "PATCH /api/v1/projects/{project_id}": {"name": "Mine"},
    "POST /api/v1/projects/{project_id}/incoming": {"name": "walk.mp4", "bytes": 5},
}
"""Where the least that a call takes by its description is refused, whoever sends it."""
NOT_FOUND = ("project_not_found", "run_not_found", "webhook_not_found")


@dataclass(frozen=True)
class Things:
    """What one user owns, and a key of theirs."""

    user: uuid.UUID
    key: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def hosted(
    settings: Settings, serve_beside_supabase: Callable[[Settings], AbstractContextManager[str]]
) -> Iterator[str]:
    """One that takes as many uploads as these tests send from one address."""
    with serve_beside_supabase(settings.model_copy(update={"uploads_per_minute": 0})) as url:
        yield url


@pytest.fixture(scope="module")
def client(hosted: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hosted, timeout=60, trust_env=False) as client:
        yield client


class People:
    """Makes users with keys and things of their own."""

    def __init__(self, connections: Connections, client: httpx.Client) -> None:
        self.worker = Worker(connections)
        self.client = client

    def user(self) -> uuid.UUID:
        user = uuid.uuid4()
        self.worker.sql("insert into auth.users (id, email) values (%s, %s)", user, f"{user}@example.org")
        return user

    def key(self, user: uuid.UUID, change: str = "") -> str:
        key = make_key()
        self.worker.sql(
            "insert into maquette.api_keys (owner_id, name, key_sha256, key_prefix) values (%s, 'test', %s, %s)",
            user,
            hash_of(key),
            key[:SHOWN],
        )
        if change:
            self.worker.sql(f"update maquette.api_keys set {change} where key_sha256 = %s", hash_of(key))  # noqa: S608
        return key

    def things(self) -> Things:
        """A user with a project, a model, a finished run, a link, an announced file and a webhook that was called."""
        user = self.user()
        key = self.key(user)

        def post(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            answer = self.client.post(f"/api/v1{path}", headers={"X-API-Key": key}, json=body)
            made: dict[str, Any] = answer.raise_for_status().json()
            return made

        project_id = post("/projects")["id"]
        self.worker.add_photos(project_id)
        run_id = post(f"/generate/{project_id}")["run_id"]
        self.worker.generate(run_id)
        give_substance(self.worker, project_id)
        share = post(f"/projects/{project_id}/shares")
        hook = post("/webhooks", {"url": "https://127.0.0.1:9/", "types": ["run.completed"]})["id"]
        ids = {
            "project_id": project_id,
            "run_id": run_id,
            "version": "0",
            "image_index": "1",
            "share_id": share["id"],
            "share_key": share["share_key"],
            "incoming_id": post(f"/projects/{project_id}/incoming", {"name": "walk.mp4", "bytes": 5})["id"],
            "webhook_id": hook,
            "delivery_id": post(f"/webhooks/{hook}/test")["id"],
        }
        return Things(user, key, ids)


@pytest.fixture(scope="module")
def people(connections: Connections, client: httpx.Client) -> People:
    return People(connections, client)


@pytest.fixture(scope="module")
def things(people: People) -> Things:
    """Those of one user, which nobody of the tests that use them can change."""
    return people.things()


@dataclass(frozen=True)
class Operation:
    """One method of one path, with the least that it takes."""

    method: str
    path: str
    body: dict[str, Any] | None
    upload: bool
    waits: bool

    @property
    def door(self) -> str:
        return f"{self.method.upper()} {self.path}"


def test_every_route_has_its_expectation(settings: Settings, connections: Connections) -> None:
    """A new route fails here until it is said who may call it."""
    app = create_app(settings, connections)
    assert set(doors(app.routes)) == EXPECTED
    described = {
        f"{method.upper()} {path}" for path, operations in app.openapi()["paths"].items() for method in operations
    }
    assert described == ANYBODY | OWN | NAMED, "what is in no description is tried by none of the tests below"


@pytest.fixture(scope="module")
def operations(settings: Settings, connections: Connections) -> list[Operation]:
    """Every operation; what deletes things comes last."""
    schema = create_app(settings, connections).openapi()
    found = [
        _operation(schema, method, path, one)
        for path, operations in schema["paths"].items()
        for method, one in operations.items()
    ]
    return sorted(found, key=lambda one: (one.method == "delete", one.path == "/api/v1/projects/{project_id}"))


@pytest.fixture(scope="module")
def picture(photo: Callable[[int], bytes]) -> bytes:
    return photo(1)


def _operation(schema: dict[str, Any], method: str, path: str, described: dict[str, Any]) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    body = None
    if "application/json" in content:
        inner = content["application/json"]["schema"]
        if "$ref" in inner:
            inner = schema["components"]["schemas"][inner["$ref"].rpartition("/")[2]]
        body = {name: inner["properties"][name]["examples"][0] for name in inner.get("required", [])}
    body = BODIES.get(f"{method.upper()} {path}", body)
    waits = any(parameter["name"] == "wait" for parameter in described.get("parameters", []))
    return Operation(method, path, body, "multipart/form-data" in content, waits)


def call(
    client: httpx.Client, operation: Operation, ids: dict[str, str], headers: dict[str, str], photo: bytes
) -> httpx.Response:
    address = operation.path.format(**ids)
    if operation.path == IMPORT:
        return client.post(address, headers=headers, files={"file": ("x.zip", empty_bundle())})
    if operation.upload:
        form: dict[str, Any] = {"files": {"file": ("x.jpg", photo)}}
        if operation.method == "post":
            form["data"] = {"project_id": ids["project_id"]}
        return client.request(operation.method.upper(), address, headers=headers, **form)
    wait = {"wait": "0"} if operation.waits else {}
    return client.request(operation.method.upper(), address, params=wait, json=operation.body, headers=headers)


STRANGERS = (
    "nobody",
    "publishable key",
    "secret key",
    "token of the role anon",
    "legacy anon key",
    "token of the service",
    "expired token",
    "share key as token",
    "share key as key",
    "revoked key",
    "expired key",
    "hash of a key",
)


@pytest.fixture
def strange_headers(
    connections: Connections, little_supabase: LittleSupabase, things: Things, people: People
) -> Callable[[str], dict[str, str]]:
    def headers(who: str) -> dict[str, str]:
        token, legacy = little_supabase.token, little_supabase.legacy_token
        given = {
            "nobody": lambda: "",
            "publishable key": lambda: connections.publishable_key,
            "secret key": lambda: connections.secret_key,
            "token of the role anon": lambda: token(things.user, role="anon"),
            "legacy anon key": lambda: legacy("", sub=None, aud=None, role="anon", iss="supabase"),
            "token of the service": lambda: legacy(things.user, role="service_role"),
            "expired token": lambda: token(things.user, exp=1),
            "share key as token": lambda: things.ids["share_key"],
            "share key as key": lambda: things.ids["share_key"],
            "revoked key": lambda: people.key(things.user, "revoked_at = now()"),
            "expired key": lambda: people.key(things.user, "expires_at = now()"),
            "hash of a key": lambda: hash_of(things.key),
        }[who]()
        if not given:
            return {}
        return {"X-API-Key": given} if who.endswith("as key") else {"Authorization": f"Bearer {given}"}

    return headers


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_reach_nothing_but_health_and_links(
    client: httpx.Client,
    operations: list[Operation],
    things: Things,
    strange_headers: Callable[[str], dict[str, str]],
    picture: bytes,
    who: str,
) -> None:
    headers = strange_headers(who)
    for operation in operations:
        if operation.door in ANYBODY and who != "nobody":
            continue  # asks for nothing, so it looks at nothing: once is enough
        answer = call(client, operation, things.ids, headers, picture)
        told = f"{who}: {operation.door} answered {answer.status_code}"
        if operation.door in ANYBODY:
            assert answer.status_code == 200, told
        else:
            assert answer.status_code == 401, told
            assert answer.json()["error"]["code"].startswith("credentials_"), told
            assert answer.headers["www-authenticate"] == "Bearer", told
            assert things.ids["project_id"] not in answer.text and str(things.user) not in answer.text


@pytest.mark.parametrize("way", ["token", "key"])
def test_another_user_finds_nothing(
    client: httpx.Client,
    operations: list[Operation],
    things: Things,
    people: People,
    little_supabase: LittleSupabase,
    picture: bytes,
    way: str,
) -> None:
    other = people.user()
    bearer = {"Authorization": f"Bearer {little_supabase.token(other)}"}
    headers = bearer if way == "token" else {"X-API-Key": people.key(other)}
    for operation in operations:
        if operation.door in ANYBODY:
            continue
        answer = call(client, operation, things.ids, headers, picture)
        told = f"{operation.door} answered {answer.status_code}: {answer.text[:200]}"
        if operation.door in NAMED:
            assert answer.status_code == 404, told
            assert answer.json()["error"]["code"] in NOT_FOUND, told
        else:
            assert answer.is_success or _no_sample(operation, answer), told
            assert things.ids["project_id"] not in answer.text and str(things.user) not in answer.text, told


def test_what_belongs_to_another_is_not_found_within_ones_own(
    client: httpx.Client, operations: list[Operation], things: Things, people: People, picture: bytes
) -> None:
    """One's own project or webhook in front, another's thing behind: each of the names has to be one's own."""
    mine = people.things()
    parts = ("incoming_id", "share_id", "delivery_id")
    tried = 0
    for operation in operations:
        for part in parts:
            if f"{{{part}}}" in operation.path:
                mixed = {**mine.ids, part: things.ids[part]}
                answer = call(client, operation, mixed, {"X-API-Key": mine.key}, picture)
                assert answer.status_code == 404, f"{operation.door} answered {answer.status_code}: {answer.text[:200]}"
                tried += 1
    assert tried >= len(parts)


def _no_sample(operation: Operation, answer: httpx.Response) -> bool:
    """The sample is not in every checkout, and has more photos than this server takes."""
    return operation.path == SAMPLE and answer.json()["error"]["code"] in ("sample_missing", "too_many_photos")


@pytest.mark.parametrize("way", ["token", "key"])
def test_owners_are_let_in_everywhere(
    client: httpx.Client,
    operations: list[Operation],
    people: People,
    little_supabase: LittleSupabase,
    picture: bytes,
    way: str,
) -> None:
    things = people.things()
    bearer = {"Authorization": f"Bearer {little_supabase.token(things.user)}"}
    headers = bearer if way == "token" else {"X-API-Key": things.key}
    succeeded = 0
    for operation in operations:
        answer = call(client, operation, things.ids, headers, picture)
        told = f"{operation.door} answered {answer.status_code}: {answer.text[:200]}"
        assert answer.status_code in (200, 201, 202, 204, 409) or _no_sample(operation, answer), told
        succeeded += answer.is_success
    assert succeeded >= len(operations) - 6, (
        "only cancel and retry of a run that is finished, the comparison of an only version, a photo in place of"
        " another while a step waits, a delivery that waits and a sample that is not in this checkout do not fit"
    )


def test_pages_are_the_same_for_all_and_hold_nothing(
    client: httpx.Client, things: Things, connections: Connections
) -> None:
    secrets = (things.key, things.ids["project_id"], connections.secret_key, str(things.user), connections.database_url)
    for door in sorted(PAGES):
        path = door.partition(" ")[2].replace("{rest:path}", things.ids["share_key"]).replace("{name}", "x.js")
        if path == "/static-offline-docs":
            continue
        known, unknown = (client.get(path, headers=headers) for headers in ({"X-API-Key": things.key}, {}))
        assert known.status_code == unknown.status_code < 504, path
        assert not any(secret in known.text for secret in secrets), path


class TestSockets:
    @pytest.mark.parametrize("who", STRANGERS)
    async def test_strangers(
        self, hosted: str, things: Things, strange_headers: Callable[[str], dict[str, str]], who: str
    ) -> None:
        headers = await asyncio.to_thread(strange_headers, who)
        assert await self.closed_with(hosted, things, headers) == 4401

    async def test_another_user(
        self, hosted: str, things: Things, people: People, little_supabase: LittleSupabase
    ) -> None:
        other = await asyncio.to_thread(people.user)
        headers = {"Authorization": f"Bearer {little_supabase.token(other)}"}
        assert await self.closed_with(hosted, things, headers) == 4404

    async def closed_with(self, hosted: str, things: Things, headers: dict[str, str]) -> int | None:
        url = f"{hosted.replace('http', 'ws', 1)}/api/v1/projects/{things.ids['project_id']}/events"
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            assert json.loads(await socket.recv())["type"] == "error"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        return closed.value.rcvd and closed.value.rcvd.code
