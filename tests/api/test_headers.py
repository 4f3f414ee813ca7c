"""Security headers on every kind of answer: page, API, refusals of each layer, files, storage, realtime, docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def root(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client


def directives(answer: httpx.Response) -> dict[str, str]:
    policy = answer.headers["content-security-policy"]
    return {part.split()[0]: " ".join(part.split()[1:]) for part in policy.split(";") if part.strip()}


def check_common(answer: httpx.Response) -> None:
    told = f"{answer.request.method} {answer.request.url} answered {answer.status_code}"
    assert answer.headers.get("x-content-type-options") == "nosniff", told
    assert answer.headers.get("referrer-policy") == "no-referrer", told
    policy = directives(answer)
    assert policy["default-src"] == "'none'", told
    assert {"frame-ancestors", "base-uri", "form-action"} <= set(policy), told
    assert "*" not in policy["frame-ancestors"] and "unsafe-eval" not in re.sub("wasm-unsafe-eval", "", str(policy))
    assert "cache-control" in answer.headers, told
    assert answer.headers.get("server", "uvicorn") == "uvicorn" and "x-powered-by" not in answer.headers, told
    assert "set-cookie" not in answer.headers, "nothing here is known by a cookie"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/projects", 200),
        ("POST", "/api/v1/projects", 201),
        ("GET", "/api/v1/health", 200),
        ("GET", "/health", 200),
        ("GET", "/ready", None),
        ("GET", "/metrics", 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/api/v1/projects/no-uuid", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("PUT", "/api/v1/projects", 405),
        ("POST", "/api/v1/upload", 422),
        ("GET", "/elsewhere.php", 404),
        ("GET", "/realtime/v1/status", 200),
        ("OPTIONS", "/api/v1/projects", 405),
    ],
)
def test_the_api_is_no_page(root: httpx.Client, method: str, path: str, status: int | None) -> None:
    answer = root.request(method, path)
    assert status is None or answer.status_code == status, answer.text
    check_common(answer)
    assert directives(answer)["frame-ancestors"] == "'none'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src" not in directives(answer)


def test_what_the_guards_refuse_too(root: httpx.Client) -> None:
    too_large = root.post("/api/v1/projects", content=b" " * 300_000)
    foreign = root.get("/api/v1/projects", headers={"Origin": "https://evil.example"})
    not_local = root.get("/api/v1/projects", headers={"Host": "evil.example"})
    assert [one.status_code for one in (too_large, foreign, not_local)] == [413, 403, 403]
    for answer in (too_large, foreign, not_local):
        check_common(answer)
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect"])
def test_the_docs_load_only_what_is_ours(root: httpx.Client, path: str) -> None:
    answer = root.get(path)
    check_common(answer)
    policy = directives(answer)
    assert policy["script-src"] == "'self' 'unsafe-inline'" and policy["connect-src"] == "'self'"
    assert "//" not in answer.headers["content-security-policy"] and policy["frame-ancestors"] == "'none'"
    assert not re.search(r'(src|href)="(https?:)?//', answer.text), "it needs no other server"


def test_files_of_the_docs(root: httpx.Client) -> None:
    names = re.findall(r'(?:src|href)="(/static-offline-docs/[^"]+)"', root.get("/docs").text)
    assert names
    for name in names:
        check_common(root.get(name))


def test_the_page(root: httpx.Client) -> None:
    """Built or not."""
    for path in ("/", "/projects/x", "/sign-in", "/v/abc"):
        answer = root.get(path)
        check_common(answer)
        policy = directives(answer)
        assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
        shared = path.startswith("/v/")
        assert policy["frame-ancestors"] == ("'self'" if shared else "'none'")
        assert answer.headers["x-frame-options"] == ("SAMEORIGIN" if shared else "DENY")
    check_common(root.get("/assets/missing.js"))


def test_files_and_logs(root: httpx.Client, worker: Any, generated: str) -> None:
    run_id = root.get(f"/api/v1/projects/{generated}/runs").json()["items"][0]["id"]
    log = root.get(f"/api/v1/runs/{run_id}/log", headers={"Accept": "text/plain"})
    models = root.get(f"/api/v1/projects/{generated}/models").json()["items"]
    model = root.get(models[0]["model_url"])
    for answer in (log, model):
        assert answer.status_code == 200, answer.text[:300]
        check_common(answer)
    assert "sandbox" in directives(model)


def test_storage_and_its_refusals(root: httpx.Client, connections: Any, project_id: str) -> None:
    secret = {"Authorization": f"Bearer {connections.secret_key}"}
    key = f"/storage/v1/object/3d-models/{project_id}/page.html"
    page = b"<script>alert(1)</script>"
    stored = root.post(key, content=page, headers={**secret, "content-type": "text/plain"})
    assert stored.status_code == 200, stored.text
    answers = [
        stored,
        root.get(key, headers=secret),
        root.head(key, headers=secret),
        root.get(key, headers={**secret, "range": "bytes=0-3"}),
        root.get(key),
        root.get(f"{key}.missing", headers=secret),
        root.get("/storage/v1/status"),
        root.get("/storage/v1/nowhere", headers=secret),
        root.post("/storage/v1/object/list/3d-models", json={}, headers=secret),
        root.post("/storage/v1/object/list/3d-models", content=b"{", headers=secret),
        root.post("/storage/v1/upload/resumable", headers=secret),
        root.options("/storage/v1/upload/resumable"),
        root.get("/storage/v1/object/public/3d-models/a"),
    ]
    for answer in answers:
        check_common(answer)
        assert "sandbox" in directives(answer), "whatever is stored, it is no page of ours"
        assert "cross-origin-resource-policy" not in answer.headers, "signed addresses may be shown elsewhere"


@pytest.mark.parametrize("name", ["cacheControl", "content-type"])
def test_no_header_is_smuggled_in_with_an_object(
    root: httpx.Client, connections: Any, project_id: str, name: str
) -> None:
    """Downloads answer with what the uploader said: a line break in it would begin a header of theirs."""
    secret = {"Authorization": f"Bearer {connections.secret_key}"}
    key = f"/storage/v1/object/3d-models/{project_id}/smuggled"
    odd = b"text/plain\nset-cookie: a=b" if name == "content-type" else b"text/plain"
    form = b'--b\r\ncontent-disposition: form-data; name="cacheControl"\r\n\r\n%s\r\n' % (
        b"no-cache\r\nset-cookie: a=b" if name == "cacheControl" else b"60"
    )
    form += (
        b'--b\r\ncontent-disposition: form-data; name=""; filename="x"\r\ncontent-type: %s\r\n\r\nx\r\n--b--\r\n' % odd
    )
    sent = root.post(key, content=form, headers={**secret, "content-type": "multipart/form-data; boundary=b"})
    assert sent.status_code == 400 and sent.json()["code"] in ("InvalidRequest", "InvalidMimeType"), sent.text
    read = root.get(key, headers=secret)
    assert read.status_code == 400 and "set-cookie" not in read.headers


def test_nor_by_a_resumable_upload(root: httpx.Client, connections: Any, project_id: str) -> None:
    from base64 import b64encode

    names = {
        "bucketName": b"3d-models",
        "objectName": f"{project_id}/x".encode(),
        "contentType": b"text/plain\r\nset-cookie: a=b",
    }
    metadata = ",".join(f"{name} {b64encode(value).decode()}" for name, value in names.items())
    headers = {"Authorization": f"Bearer {connections.secret_key}", "Tus-Resumable": "1.0.0", "Upload-Length": "0"}
    answer = root.post("/storage/v1/upload/resumable", headers={**headers, "Upload-Metadata": metadata})
    assert answer.status_code in (400, 415), answer.text
