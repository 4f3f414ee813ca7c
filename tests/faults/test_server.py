"""The whole server, its own worker included, ended in mid-step and started again on the same home."""

from __future__ import annotations

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
        site.wait_for(generate, NAMED["generate", "mapping"])
        before = [process for process in (site.worker.step, site.worker.sfm) if process is not None]
        assert site.server.stop() == 0
        site.figures.fault("server and worker stopped", "generate: mapping")
        assert not any(_outlives(process.pid) for process in before), "a step outlived its server"

        site.restart()
        site.wait_for(generate, NAMED["generate", "training"])
        worker, step = site.server.child("worker"), site.worker.step
        worker.kill()
        site.figures.fault("worker of the server killed", "generate: training")
        wait_until_gone(worker.pid)
        assert step is None or not _outlives(step.pid), "a step outlived its worker"
        ended = site.wait_until(generate)
        assert (ended.status, ended.run["attempt"]) == ("completed", 3), ended.run["error"]
        # Stopped in order a worker gives its run back at once; the other cause counts, and had to be found out.
        assert ended.run["failures"] == {"worker_stopped": 1, "worker_lost": 1}
        assert site.server.child("worker").pid != worker.pid, "the supervisor started no other"
        site.figures.runs["completed"] += 1
        check_everything(site, project_id)


def _outlives(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while read_process(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return read_process(pid) is not None
