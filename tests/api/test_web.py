"""The page's document and files: which addresses have them, how long browsers keep them, and what they may load."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from maquette.api.guards import Guards
from maquette.api.problems import register
from maquette.api.web import serve_web
from maquette.settings import BadSettingError, Connections, Settings, read_settings

EMBEDDED = Connections(
    database_url="",
    supabase_url="http://127.0.0.1:1",
    secret_key="",
    publishable_key="",
    jwt_secret=None,
    embedded=True,
)
PAGES = ("/", "/projects/new", "/projects/0b8f/upload", "/v/kT0mC4nQ2s9v", "/sign-in")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Maquette</title>")
    (tmp_path / "theme.js").write_text("1;")
    (tmp_path / "secret.txt").write_text("not part of the page")
    script = b"const x = 1;" * 200
    (tmp_path / "assets" / "index-Abc123.js").write_bytes(script)
    (tmp_path / "assets" / "index-Abc123.js.gz").write_bytes(gzip.compress(script))
    return tmp_path


def client_of(folder: Path, connections: Connections = EMBEDDED, **changes: object) -> TestClient:
    app = FastAPI()
    app.add_middleware(Guards)
    register(app)
    serve_web(app, Settings(home=folder, web_dir=folder, database_url=None, **changes), connections)
    return TestClient(app)


@pytest.fixture
def client(built: Path) -> Iterator[TestClient]:
    with client_of(built) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_own_addresses_have_the_document(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200 and "<title>Maquette" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    # Kept and asked about, so that a new build is seen at once.
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/projects/nothing",
        "/api/",
        "/storage/v1/object/none",
        "/realtime/v1/websocket",
        "/elsewhere",
        "/projects/0b8f/model.ply",
        "/v/picture.png",
        "/assets/missing-Abc.js",
        "/assets/..%2fsecret.txt",
        "/assets/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "/secret.txt",
        "/index.html",
    ],
)
def test_nothing_else_looks_like_the_document(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_route"


def test_hashed_files_are_kept_for_good_and_come_packed(client: TestClient) -> None:
    packed = client.get("/assets/index-Abc123.js", headers={"Accept-Encoding": "gzip;q=0.9, deflate"})
    assert packed.headers["content-encoding"] == "gzip" and "immutable" in packed.headers["cache-control"]
    assert "javascript" in packed.headers["content-type"] and packed.headers["vary"] == "Accept-Encoding"
    plain = client.get("/assets/index-Abc123.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == packed.text
    assert client.get("/theme.js").headers["cache-control"] == "no-cache"


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    with client_of(tmp_path) as client:
        answer = client.get("/")
        assert answer.status_code == 503 and "make frontend" in answer.text and "/docs" in answer.text
        # Nothing has to be started again once it is there.
        (tmp_path / "index.html").write_text("<!doctype html><title>Maquette</title>")
        assert client.get("/").status_code == 200


def test_the_policy_lets_nothing_foreign_in(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "unsafe" not in rules["script-src"].replace("'wasm-unsafe-eval'", "")
    assert rules["connect-src"] == "'self' blob: data:" and rules["frame-ancestors"] == "'none'"
    assert client.get("/").headers["x-frame-options"] == "DENY"
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


def test_beside_supabase_its_address_alone_is_added(built: Path) -> None:
    hosted = replace(EMBEDDED, supabase_url="https://ref.supabase.co", embedded=False)
    with client_of(built, hosted) as client:
        policy = client.get("/").headers["content-security-policy"]
    assert "connect-src 'self' blob: data: https://ref.supabase.co wss://ref.supabase.co;" in policy
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy


@pytest.mark.parametrize(
    ("setting", "told", "older"),
    [
        ((), "'self'", "SAMEORIGIN"),
        (("https://blog.example.org",), "'self' https://blog.example.org", None),
        (("*",), "'self' *", None),
    ],
)
def test_only_shared_models_may_stand_in_frames(
    built: Path, setting: tuple[str, ...], told: str, older: str | None
) -> None:
    with client_of(built, frame_ancestors=setting) as client:
        shared, own = client.get("/v/abc?noui").headers, client.get("/projects/abc").headers
    assert f"frame-ancestors {told};" in shared["content-security-policy"]
    assert shared.get("x-frame-options") == older
    assert "frame-ancestors 'none'" in own["content-security-policy"] and own["x-frame-options"] == "DENY"


def test_a_frame_ancestor_is_an_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_FRAME_ANCESTORS", "https://Blog.example.org/, *")
    assert read_settings().frame_ancestors == ("https://blog.example.org", "*")
    monkeypatch.setenv("MAQUETTE_FRAME_ANCESTORS", "'self'; script-src *")
    with pytest.raises(BadSettingError, match="MAQUETTE_FRAME_ANCESTORS"):
        read_settings()
