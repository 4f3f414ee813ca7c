"""What happens to a server: clean stop, a second start, a second server on one home, killed children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journey.test_main_job import SMALL, send_photos
from tests.ports import free_port
from tests.serving import Server, environment, serving, start


def processes_of(home: Path) -> list[int]:
    """Processes whose command line or environment names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in told:
            found.append(int(entry.name))
    return found


def test_ctrl_c_stops_everything_and_a_second_start_finds_it_again(
    homes: Callable[[], Path], photos: list[Path]
) -> None:
    home = homes()
    with serving(home) as server, server.client() as client:
        project_id = send_photos(client, photos[:3]).json()["project_id"]
        assert server.stop(signal.SIGINT) == 0
    assert processes_of(home) == []
    with serving(home) as server, server.client() as client:
        images = client.get(f"/projects/{project_id}/images").json()["items"]
        assert [image["filename"] for image in images] == [photo.name for photo in photos[:3]]
        assert client.get(f"/status/{project_id}").json()["project"]["status"] == "uploaded"


def test_two_servers_on_one_home_are_refused(server: Server) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "maquette.cli", "serve"],
        env=environment(server.home, free_port()),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "home_in_use" in second.stderr
    with server.client() as client:
        assert client.get("/health").is_success


def test_a_taken_port_is_a_clear_error(server: Server, homes: Callable[[], Path]) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "maquette.cli", "serve"],
        env=environment(homes(), server.port),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "port_in_use" in second.stderr


def children_of(server: Server, kind: str) -> list[int]:
    found = []
    for pid in processes_of(server.home):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if kind.encode() in words:
            found.append(pid)
    return found


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def test_a_killed_api_comes_back(server: Server) -> None:
    (api,) = children_of(server, "api")
    os.kill(api, signal.SIGKILL)
    wait_for(lambda: bool(set(children_of(server, "api")) - {api}), 30)

    def answers() -> bool:
        with server.client() as client:
            try:
                return client.get("/health").is_success
            except OSError:
                return False
            except Exception as error:
                if "Connect" in type(error).__name__ or "Remote" in type(error).__name__:
                    return False
                raise

    wait_for(answers, 30)


def test_a_server_killed_in_the_middle_of_training_goes_on_with_it(
    homes: Callable[[], Path], photos: list[Path]
) -> None:
    home = homes()
    server = start(home)
    with server.client() as client:
        project_id = send_photos(client, photos).json()["project_id"]
        run_id = client.post(f"/generate/{project_id}", json={**SMALL, "iterations": 600}).json()["run_id"]
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["stage"] == "training", 120)
    server.process.kill()
    server.process.wait()
    wait_for(lambda: children_of(server, "api") == [] and children_of(server, "worker") == [], 20)
    with serving(home) as server, server.client() as client:
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["status"] in ("completed", "failed"), 240)
        run = client.get(f"/runs/{run_id}").json()
        assert run["status"] == "completed", run
        assert run["attempt"] == 2


def test_cancel_takes_two_calls_and_frees_the_queue(server: Server, photos: list[Path]) -> None:
    with server.client() as client:
        project_id = send_photos(client, photos).json()["project_id"]
        run_id = client.post(f"/generate/{project_id}", json={**SMALL, "iterations": 50_000}).json()["run_id"]
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["status"] == "running", 60)
        told = client.post(f"/runs/{run_id}/cancel").json()
        assert told["confirm_needed"] is True
        assert client.get(f"/runs/{run_id}").json()["status"] == "running"
        assert client.post(f"/runs/{run_id}/cancel", json={"confirm": True}).is_success
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["status"] == "cancelled", 5)
        assert client.get("/queue").json()["running"] == []
        assert client.post(f"/runs/{run_id}/cancel", json={"confirm": True}).status_code == 409


def test_a_killed_step_is_tried_again(server: Server, photos: list[Path]) -> None:
    with server.client() as client:
        project_id = send_photos(client, photos).json()["project_id"]
        run_id = client.post(f"/generate/{project_id}", json=SMALL).json()["run_id"]
        wait_for(lambda: bool(children_of(server, "maquette.execution.child")), 60)
        os.kill(children_of(server, "maquette.execution.child")[0], signal.SIGKILL)
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["status"] == "completed", 240)
        assert client.get(f"/runs/{run_id}").json()["attempt"] == 2


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"SUPABASE_URL": "https://example.invalid"}, "half_supabase_configuration"),
        ({"MAQUETTE_HOST": "0.0.0.0"}, "api_keys_needed"),
        ({"MAQUETTE_PORT": "lots"}, "bad_setting"),
    ],
)
def test_bad_settings_are_told_before_anything_starts(
    homes: Callable[[], Path], variables: dict[str, str], code: str
) -> None:
    home = homes()
    refused = subprocess.run(
        [sys.executable, "-m", "maquette.cli", "serve"],
        env={**environment(home, free_port()), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 1
    assert code in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not home.exists()
