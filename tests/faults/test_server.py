"""The whole server, its own worker included, ended in mid-step and started again on the same home."""

from __future__ import annotations

import signal
import time

from tests.faults.invariants import check_everything
from tests.faults.life import SMALL
from tests.faults.moments import MOMENTS
from tests.faults.processes import read_process, wait_until_gone
from tests.faults.site import Site

NAMED = {(moment.step, moment.name): moment for moment in MOMENTS}


def test_a_server_that_ends_in_mid_step_goes_on_where_it_was(site: Site, photos: list[bytes]) -> None:
    with site.with_worker_of_the_server():
        project_id = site.uploads.send(photos)
        generate = site.call("generate", project_id, SMALL["generate"])
        _end(site, generate, "generate", "mapping", signal.SIGTERM)
        site.restart()
        _end(site, generate, "generate", "training", signal.SIGKILL)
        site.restart()
        ended = site.wait_until(generate)
        assert (ended.status, ended.run["attempt"]) == ("completed", 3), ended.run["error"]
        assert ended.run["failures"] == {"worker_stopped": 1, "worker_lost": 1}

        refine = site.call("refine", project_id, SMALL["refine"])
        sight = site.wait_for(refine, NAMED["refine", "round 2"])
        worker = site.server.child("worker")
        step = site.worker.step
        worker.kill()
        site.figures.fault("worker killed", "refine: round 2")
        wait_until_gone(worker.pid)
        assert step is None or not _outlives(step.pid), "a step outlived its worker"
        ended = site.wait_until(refine)
        assert ended.status == "completed", ended.run["error"]
        assert ended.run["attempt"] == sight.run["attempt"] + 1
        assert site.server.child("worker").pid != worker.pid, "the supervisor started no other"
        site.figures.runs["completed"] += 2
        check_everything(site, project_id)


def _end(site: Site, run_id: str, step: str, moment: str, number: signal.Signals) -> None:
    site.wait_for(run_id, NAMED[step, moment])
    child, sfm = site.worker.step, site.worker.sfm
    site.server.stop(number)
    assert not any(process is not None and _outlives(process.pid) for process in (child, sfm))
    site.figures.fault(f"server {'killed' if number == signal.SIGKILL else 'stopped'}", f"{step}: {moment}")


def _outlives(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while read_process(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return read_process(pid) is not None
