"""Pages of other origins, as a browser would let them call: it asks first, then calls, then decides who may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from maquette.machine_keys import MachineKey, hash_of
from maquette.settings import Settings

PAGE = "https://app.example.org"
FOREIGN = "https://evil.example"
KEY = "a-key-that-the-page-knows"


@pytest.fixture(scope="module")
def url(settings: Settings, serve_again: Any) -> Iterator[str]:
    with serve_again(settings.model_copy(update={"cors_origins": (PAGE, "http://10.0.0.7:5173")})) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client:
        yield client


def preflight(client: httpx.Client, path: str, origin: str, method: str, headers: str = "") -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers={**asked, **({"Access-Control-Request-Headers": headers} if headers else {})})


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("origin", [PAGE, "http://10.0.0.7:5173"])
def test_a_named_origin_may_ask(client: httpx.Client, method: str, origin: str) -> None:
    answer = preflight(client, "/projects", origin, method, "authorization,content-type,idempotency-key,x-api-key")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert method in answer.headers["access-control-allow-methods"]
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers, "no cookies are used"


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", f"{PAGE}.evil.example", PAGE.replace("https", "http"), f"{PAGE}:8443", "*"]
)
def test_no_other_may(client: httpx.Client, origin: str) -> None:
    answer = preflight(client, "/projects", origin, "GET")
    assert answer.status_code == 400 and "access-control-allow-origin" not in answer.headers
    called = client.get("/projects", headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
    assert called.status_code == 403 and called.json()["error"]["code"] == "cross_origin"
    assert "access-control-allow-origin" not in called.headers


def test_what_nobody_needs_is_not_allowed(client: httpx.Client) -> None:
    assert preflight(client, "/projects", PAGE, "TRACE").status_code == 400
    assert preflight(client, "/projects", PAGE, "GET", "x-forwarded-for").status_code == 400


def test_a_named_origin_reads_answers(client: httpx.Client) -> None:
    headers = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
    made = client.post("/projects", json={"name": "From the page"}, headers=headers)
    assert made.status_code == 201 and made.headers["access-control-allow-origin"] == PAGE
    exposed = {name.strip().lower() for name in made.headers["access-control-expose-headers"].split(",")}
    assert {"location", "x-request-id"} <= exposed
    assert made.headers["location"] and made.headers["x-request-id"]
    # For uses without CORS, such as an image of the page, nothing changed.
    assert made.headers["cross-origin-resource-policy"] == "same-origin"


def test_refusals_too(client: httpx.Client) -> None:
    """A page can tell its user what went wrong only where it may read errors."""
    headers = {"Origin": PAGE}
    for answer in (
        client.get("/projects/00000000-0000-4000-8000-0000000000aa", headers=headers),
        client.post("/projects", content=b"x" * 300_000, headers=headers),
        client.get("/nowhere", headers=headers),
        client.put("/projects", headers=headers),
    ):
        assert answer.is_error and answer.headers["access-control-allow-origin"] == PAGE
        assert answer.json()["error"]["code"]


def test_programs_are_as_before(client: httpx.Client) -> None:
    answer = client.get("/projects")
    assert answer.status_code == 200 and "access-control-allow-origin" not in answer.headers


def test_an_origin_opens_no_door(settings: Settings, serve_again: Any) -> None:
    """With keys, a page needs one, whatever its origin; the question before needs none, as browsers send none."""
    keyed = {"cors_origins": (PAGE,), "api_keys": (MachineKey(hash_of(KEY)),)}
    with (
        serve_again(settings.model_copy(update=keyed)) as url,
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client,
    ):
        assert preflight(client, "/projects", PAGE, "GET", "x-api-key").status_code == 200
        refused = client.get("/projects", headers={"Origin": PAGE})
        assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == PAGE
        let_in = client.get("/projects", headers={"Origin": PAGE, "X-API-Key": KEY})
        assert let_in.status_code == 200 and let_in.headers["access-control-allow-origin"] == PAGE
        # A page that was not named may call with a key it has, but its browser does not let it read.
        foreign = client.get("/projects", headers={"Origin": FOREIGN, "X-API-Key": KEY})
        assert "access-control-allow-origin" not in foreign.headers
