"""Calls are repeated where that helps, do nothing twice, and end in a while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from maquette.client import ApiError, ServerSilentError
from maquette.client.exchange import Flow, Part, Pause, Send, answer_of, arguments, call


class Played:
    """Carries out a flow against answers that are given."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Send] = []
        self.waited = 0.0

    def run(self, flow: Flow[Any]) -> Any:
        try:
            todo = next(flow)
            while True:
                if isinstance(todo, Pause):
                    self.waited += todo.seconds
                    todo = flow.send(None)
                    continue
                assert isinstance(todo, Send)
                self.asked.append(todo)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                todo = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
        except StopIteration as end:
            return end.value


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    error = {"code": code, "message": "No.", "details": {"limit": 3}, "suggestion": "Yes."}
    return httpx.Response(status, json={"error": error}, headers=headers)


def test_a_broken_line_is_tried_again_with_the_same_key() -> None:
    played = Played(httpx.ConnectError("x"), refusal(502, "bad_gateway"), httpx.Response(200, json={"id": 1}))
    assert played.run(answer_of(Send("POST", "/projects", json={}))) == {"id": 1}
    keys = {one.headers["Idempotency-Key"] for one in played.asked}
    assert len(played.asked) == 3 and len(keys) == 1 and played.waited > 0
    other = Played(httpx.Response(200, json={}))
    other.run(call(Send("POST", "/projects", json={})))
    assert other.asked[0].headers["Idempotency-Key"] not in keys


def test_reading_needs_no_key() -> None:
    played = Played(httpx.Response(200, json={}))
    played.run(call(Send("GET", "/projects")))
    assert "Idempotency-Key" not in played.asked[0].headers


def test_what_the_server_refuses_is_passed_on_at_once() -> None:
    played = Played(refusal(422, "not_enough_photos"))
    with pytest.raises(ApiError) as refused:
        played.run(call(Send("POST", "/generate/x")))
    error = refused.value
    assert (error.code, error.status, error.message, error.suggestion) == ("not_enough_photos", 422, "No.", "Yes.")
    assert error.details == {"limit": 3} and len(played.asked) == 1 and played.waited == 0
    assert ApiError.code == "api_refused", "a class is not changed by one of its errors"


def test_the_server_says_how_long_to_wait() -> None:
    played = Played(refusal(429, "rate_limited", **{"retry-after": "17"}), httpx.Response(200, json={}))
    played.run(call(Send("POST", "/upload")))
    assert played.waited >= 17


def test_patience_has_an_end() -> None:
    too_long = Played(refusal(503, "disk_low", **{"retry-after": "300"}))
    with pytest.raises(ApiError, match="No"):
        too_long.run(call(Send("POST", "/upload")))
    assert too_long.waited == 0, "nobody waits for what will not come in time"
    silent = Played(httpx.ReadTimeout("https://example.org/?token=secret"))
    with pytest.raises(ServerSilentError) as refused:
        silent.run(call(Send("GET", "/projects")))
    assert 60 < silent.waited <= 120 and "secret" not in str(refused.value)


def test_a_form_without_files_is_multipart_all_the_same() -> None:
    with arguments(Send("POST", "/upload", form={"incoming": ["a", "b"]})) as given:
        request = httpx.Request("POST", "https://example.org/", files=given["files"])
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert request.read().count(b'name="incoming"') == 2


def test_each_attempt_counts_its_bytes_from_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 100)
    told: list[int] = []
    send = Send("POST", "/upload", form={}, parts=[Part("file", path)], sent=told.append)
    for _ in range(2):
        with arguments(send) as given:
            httpx.Request("POST", "https://example.org/", files=given["files"]).read()
    assert max(told) == 100
