"""Webhooks as their owner makes them, and the calls that arrive: signed, repeated until they are taken, told once."""

from __future__ import annotations

import http.server
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.api.worker import Worker

from maquette.db import webhooks as rows
from maquette.settings import Settings
from maquette.webhooks import signature

PATIENCE_S = 30


@dataclass
class Receiver:
    """Somebody's server. ``answers``: what it says to the next calls; 200 when none is left."""

    url: str = ""
    calls: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)
    answers: list[int] = field(default_factory=list)

    def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        headers, body = self.calls.get(timeout=PATIENCE_S)
        return headers, json.loads(body)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            code = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(code)
            if code == 302:
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()
            receiver.calls.put(({name.lower(): value for name, value in self.headers.items()}, body))

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def client(api: httpx.Client) -> Iterator[httpx.Client]:
    yield api
    for one in api.get("/webhooks").json()["items"]:
        api.delete(f"/webhooks/{one['id']}").raise_for_status()


def made(client: httpx.Client, url: str, **body: Any) -> dict[str, Any]:
    answer = client.post("/webhooks", json={"url": url, **body})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    hook: dict[str, Any] = answer.json()
    return hook


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


def deliveries(client: httpx.Client, hook: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/webhooks/{hook['id']}/deliveries").json()["items"]
    return [one for one in items if all(one[name] == value for name, value in wanted.items())]


def hurry(worker: Worker, hook: dict[str, Any]) -> None:
    """The wait before the next attempt is over."""
    worker.sql("update maquette.webhook_deliveries set next_attempt_at = now() where webhook_id = %s::uuid", hook["id"])
    worker.sql("select pg_notify('maquette_webhooks', '')")


def test_a_run_and_its_model_are_told_signed(
    client: httpx.Client, worker: Worker, project_id: str, receiver: Receiver
) -> None:
    hook = made(client, f"{receiver.url}/hook")
    worker.add_photos(project_id)
    run_id = client.post(f"/generate/{project_id}").raise_for_status().json()["run_id"]
    worker.generate(run_id)
    told = {}
    for _ in range(3):
        headers, body = receiver.calls.get(timeout=PATIENCE_S)
        assert signature.verify(headers, body, hook["secret"], time.time()) == headers["webhook-id"]
        message = json.loads(body)
        assert message["data"]["project_id"] == project_id and message["data"]["run_id"] == run_id
        told[message["type"]] = message
    assert sorted(told) == ["model.created", "model.promoted", "run.completed"]
    assert told["run.completed"]["data"]["step"] == "generate"
    assert told["model.created"]["data"]["psnr"] == 25.0
    # The call can be laid beside the project's history.
    events = client.get(f"/projects/{project_id}/events").json()["items"]
    assert told["run.completed"]["data"]["seq"] in [one["seq"] for one in events if one["type"] == "complete"]
    log = until(
        lambda: deliveries(client, hook, status="delivered") if not deliveries(client, hook, status="waiting") else []
    )
    assert len(log) == 3 and all(one["answered_status"] == 200 and one["attempts"] == 1 for one in log)
    assert all(one["next_attempt_at"] is None and one["error"] is None for one in log)


def test_a_failed_run_is_told_with_its_reason(
    client: httpx.Client, worker: Worker, project_id: str, receiver: Receiver
) -> None:
    made(client, receiver.url, types=["run.failed"])
    worker.add_photos(project_id)
    run_id = client.post(f"/generate/{project_id}").raise_for_status().json()["run_id"]
    worker.fail(run_id, {"code": "photos_share_nothing", "message": "no", "details": {}, "suggestion": ""})
    _, message = receiver.next()
    assert message["type"] == "run.failed" and message["data"]["error"]["code"] == "photos_share_nothing"


def test_only_what_is_wanted_is_told(client: httpx.Client, worker: Worker, project_id: str, receiver: Receiver) -> None:
    other = client.post("/projects", json={"name": "Other"}).json()["id"]
    made(client, receiver.url, types=["run.completed"], project_id=other)
    mine = made(client, receiver.url, types=["model.promoted"], project_id=project_id)
    worker.add_photos(project_id)
    worker.generate(client.post(f"/generate/{project_id}").raise_for_status().json()["run_id"])
    assert receiver.next()[1]["type"] == "model.promoted"
    until(lambda: deliveries(client, mine, status="delivered"))
    assert receiver.calls.empty()


def test_a_call_that_fails_is_tried_again_with_the_same_id(
    client: httpx.Client, worker: Worker, receiver: Receiver
) -> None:
    hook = made(client, receiver.url)
    worker.sql(
        "insert into maquette.webhook_deliveries (webhook_id, type, payload) values (%s::uuid, 'run.completed', '{}')",
        hook["id"],
    )
    receiver.answers = [500, 302]
    hurry(worker, hook)
    first, _ = receiver.calls.get(timeout=PATIENCE_S)
    [waiting] = until(lambda: deliveries(client, hook, answered_status=500))
    assert waiting["status"] == "waiting" and waiting["attempts"] == 1 and waiting["error"] == "it answered 500"
    hurry(worker, hook)
    second, _ = receiver.calls.get(timeout=PATIENCE_S)
    until(lambda: deliveries(client, hook, answered_status=302, status="waiting"))
    hurry(worker, hook)
    third, _ = receiver.calls.get(timeout=PATIENCE_S)
    assert first["webhook-id"] == second["webhook-id"] == third["webhook-id"]
    [done] = until(lambda: deliveries(client, hook, status="delivered"))
    assert done["attempts"] == 3 and done["answered_after_s"] > 0
    assert receiver.calls.empty(), "a redirect is not followed"


def test_it_is_given_up_after_a_day_and_told_once_more_on_request(
    client: httpx.Client, worker: Worker, receiver: Receiver
) -> None:
    hook = made(client, receiver.url)
    receiver.answers = [503]
    worker.sql(
        "insert into maquette.webhook_deliveries (webhook_id, type, payload, attempts)"
        " values (%s::uuid, 'run.completed', '{}', 10)",
        hook["id"],
    )
    worker.sql("select pg_notify('maquette_webhooks', '')")
    [failed] = until(lambda: deliveries(client, hook, status="failed"))
    assert failed["next_attempt_at"] is None and failed["attempts"] == 11
    again = client.post(f"/webhooks/{hook['id']}/deliveries/{failed['id']}/retry")
    assert again.status_code == 202, again.text
    [done] = until(lambda: deliveries(client, hook, status="delivered"))
    assert done["id"] == failed["id"]
    assert receiver.next()[0]["webhook-id"] == receiver.next()[0]["webhook-id"] == failed["id"]


def test_gone_disables_and_what_waited_is_told_when_enabled(
    client: httpx.Client, worker: Worker, receiver: Receiver, project_id: str
) -> None:
    hook = made(client, receiver.url, types=["run.failed"])
    receiver.answers = [410]
    worker.add_photos(project_id)
    worker.fail(client.post(f"/generate/{project_id}").json()["run_id"], {"code": "a", "message": "b"})
    disabled = until(lambda: (one := client.get(f"/webhooks/{hook['id']}").json())["state"] == "disabled" and one)
    assert "410" in disabled["disabled_because"]
    tested = client.post(f"/webhooks/{hook['id']}/test")
    assert tested.status_code == 202
    receiver.next()
    headers, message = receiver.next()
    assert message["type"] == "test" and headers["webhook-id"] == tested.json()["id"]
    enabled = client.patch(f"/webhooks/{hook['id']}", json={"disabled": False}).json()
    assert enabled["state"] == "active" and enabled["disabled_because"] is None


def test_a_test_is_tried_once(client: httpx.Client, receiver: Receiver) -> None:
    hook = made(client, receiver.url)
    receiver.answers = [500]
    client.post(f"/webhooks/{hook['id']}/test").raise_for_status()
    [failed] = until(lambda: deliveries(client, hook, status="failed"))
    assert failed["type"] == "test" and failed["attempts"] == 1 and failed["seq"] is None


def test_a_server_that_is_not_there(client: httpx.Client, receiver: Receiver) -> None:
    hook = made(client, "http://127.0.0.1:9/")
    client.post(f"/webhooks/{hook['id']}/test").raise_for_status()
    [failed] = until(lambda: deliveries(client, hook, status="failed"))
    assert failed["answered_status"] is None and failed["error"].startswith("no connection")


def test_one_that_cannot_be_called_at_all_stops_no_other(
    client: httpx.Client, worker: Worker, receiver: Receiver
) -> None:
    odd, well = made(client, receiver.url), made(client, receiver.url)
    worker.sql("update maquette.webhooks set url = 'ftp://127.0.0.1/x' where id = %s::uuid", odd["id"])
    for hook in (odd, well):
        client.post(f"/webhooks/{hook['id']}/test").raise_for_status()
    [failed] = until(lambda: deliveries(client, odd, status="failed"))
    assert failed["error"]
    until(lambda: deliveries(client, well, status="delivered"))
    client.post(f"/webhooks/{well['id']}/test").raise_for_status()
    until(lambda: len(deliveries(client, well, status="delivered")) == 2)


def test_the_secret_can_be_changed_without_a_loss(client: httpx.Client, worker: Worker, receiver: Receiver) -> None:
    hook = made(client, receiver.url)
    renewed = client.post(f"/webhooks/{hook['id']}/secret").json()
    assert renewed["secret"] != hook["secret"]
    client.post(f"/webhooks/{hook['id']}/test").raise_for_status()
    headers, body = receiver.calls.get(timeout=PATIENCE_S)
    for secret in (hook["secret"], renewed["secret"]):
        signature.verify(headers, body, secret, time.time())
    worker.sql("update maquette.webhooks set previous_secret_until = now() where id = %s::uuid", hook["id"])
    client.post(f"/webhooks/{hook['id']}/test").raise_for_status()
    headers, body = receiver.calls.get(timeout=PATIENCE_S)
    with pytest.raises(signature.BadSignatureError):
        signature.verify(headers, body, hook["secret"], time.time())
    # It is shown when it is made, and nowhere else.
    for path in ("/webhooks", f"/webhooks/{hook['id']}", f"/webhooks/{hook['id']}/deliveries"):
        assert "whsec_" not in client.get(path).text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "webhook_address_refused"),
        ({"url": "http://example.org/"}, "webhook_address_refused"),
        ({"url": "https://127.0.0.1.nip/", "types": []}, "invalid_parameters"),
        ({"url": "https://example.org/", "types": ["run.exploded"]}, "invalid_parameters"),
        ({"url": "https://example.org/", "secret": "mine"}, "invalid_parameters"),
        ({"url": "https://example.org/", "project_id": "00000000-0000-4000-8000-000000000000"}, "project_not_found"),
    ],
)
def test_bad_ones_are_refused(api: httpx.Client, body: dict[str, Any], code: str) -> None:
    answer = api.post("/webhooks", json=body)
    assert answer.status_code in (404, 422), answer.text
    assert answer.json()["error"]["code"] == code
    assert api.get("/webhooks").json()["items"] == []


def test_an_address_that_became_private_is_not_called(api: httpx.Client, worker: Worker, receiver: Receiver) -> None:
    """What was allowed when it was made is judged again at each call."""
    made_one = api.post("/webhooks", json={"url": "https://example.org/"}).raise_for_status().json()
    try:
        worker.sql(
            "update maquette.webhooks set url = %s where id = %s::uuid", receiver.url.replace("127.0.0.1", "localhost"),
            made_one["id"],
        )  # fmt: skip
        api.post(f"/webhooks/{made_one['id']}/test").raise_for_status()
        [failed] = until(lambda: deliveries(api, made_one, status="failed"))
        assert "private network" in failed["error"] and receiver.calls.empty()
    finally:
        api.delete(f"/webhooks/{made_one['id']}").raise_for_status()


def test_no_more_than_twenty(api: httpx.Client) -> None:
    ids = [api.post("/webhooks", json={"url": f"https://example.org/{n}"}).json()["id"] for n in range(rows.MOST)]
    try:
        refused = api.post("/webhooks", json={"url": "https://example.org/more"})
        assert refused.status_code == 409 and refused.json()["error"]["code"] == "too_many_webhooks"
        page = api.get("/webhooks", params={"limit": 15}).json()
        rest = api.get("/webhooks", params={"limit": 15, "cursor": page["next"]}).json()
        assert [one["id"] for one in page["items"] + rest["items"]] == ids[::-1] and rest["next"] is None
    finally:
        for identifier in ids:
            assert api.delete(f"/webhooks/{identifier}").status_code == 204
    assert api.delete(f"/webhooks/{ids[0]}").status_code == 404


def test_two_servers_deliver_each_call_once(
    settings: Settings, serve_again: Any, client: httpx.Client, worker: Worker, receiver: Receiver
) -> None:
    hook = made(client, receiver.url)
    with serve_again(settings):
        worker.sql(
            "insert into maquette.webhook_deliveries (webhook_id, type, payload)"
            " select %s::uuid, 'run.completed', '{}' from generate_series(1, 40)",
            hook["id"],
        )
        worker.sql("select pg_notify('maquette_webhooks', '')")
        until(lambda: len(deliveries(client, hook, status="delivered")) == 40)
    ids = [receiver.calls.get(timeout=1)[0]["webhook-id"] for _ in range(40)]
    assert len(set(ids)) == 40 and receiver.calls.empty()


def test_sql_and_python_name_the_same(worker: Worker) -> None:
    events = [
        ("complete", "{}"), ("error", '{"status": "failed"}'), ("error", '{"status": "cancelled"}'), ("model", "{}"),
        ("promote", '{"promoted": true}'), ("export", "{}"),
    ]  # fmt: skip
    named = [
        worker.sql("select maquette.webhook_type(%s, %s::jsonb) as t", event, payload)[0]["t"]
        for event, payload in events
    ]
    assert tuple(named) == rows.TOLD
    for event, payload in (("progress", "{}"), ("promote", '{"promoted": false}'), ("rename", "{}")):
        assert worker.sql("select maquette.webhook_type(%s, %s::jsonb) as t", event, payload)[0]["t"] is None


def test_what_is_old_is_forgotten_and_a_deleted_project_takes_its_own_along(
    client: httpx.Client, worker: Worker, project_id: str, receiver: Receiver
) -> None:
    hook = made(client, receiver.url)
    worker.add_photos(project_id)
    worker.generate(client.post(f"/generate/{project_id}").json()["run_id"])
    until(lambda: len(deliveries(client, hook, status="delivered")) == 3)
    client.delete(f"/projects/{project_id}").raise_for_status()
    assert deliveries(client, hook) == []
    worker.sql(
        "insert into maquette.webhook_deliveries (webhook_id, type, payload, status, created_at) values"
        " (%s::uuid, 'old', '{}', 'delivered', now() - interval '31 days'),"
        " (%s::uuid, 'new', '{}', 'delivered', now() - interval '29 days')",
        hook["id"],
        hook["id"],
    )
    from maquette.db import deliveries as log

    worker.do(lambda conn, _: log.forget_old(conn))
    assert [one["type"] for one in deliveries(client, hook)] == ["new"]
