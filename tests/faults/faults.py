"""The faults: each is done to a site while a run is at some moment, and mended again where it would not mend itself."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.faults.moments import Moment
from tests.faults.processes import Process, wait_until_gone
from tests.faults.site import Site
from tests.faults.workers import STALLED_S

HOURS = 3600
INJECT = Callable[[Site, str], bool]


@dataclass(frozen=True)
class Fault:
    """``inject`` answers whether there was anything to hurt. ``may_fail``: codes a run may end with because of it."""

    name: str
    inject: INJECT
    may_fail: tuple[str, ...] = ()
    needs: str = ""
    """``clock`` or ``disk``: what a site may lack."""
    fits: Callable[[Moment], bool] = lambda moment: True
    on_line: bool = False
    """It lies in wait for the next requests, and counts when one has met it."""

    def possible(self, site: Site) -> bool:
        return {"clock": bool(site.clocks), "disk": bool(site.disks), "": True}[self.needs]


def kill_step(site: Site, run_id: str) -> bool:
    step = site.worker.step
    return step is not None and step.kill()


def crash_step(site: Site, run_id: str) -> bool:
    """As native code does."""
    step = site.worker.step
    return step is not None and step.kill(signal.SIGSEGV)


def kill_sfm(site: Site, run_id: str) -> bool:
    sfm = site.worker.sfm
    return sfm is not None and sfm.kill()


def exhaust_memory(site: Site, run_id: str) -> bool:
    """No page more than it has."""
    step = site.worker.step
    if step is None:
        return False
    with contextlib.suppress(OSError, ProcessLookupError):
        has = int(Path(f"/proc/{step.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(step.pid, resource.RLIMIT_AS, (has, has))
        return True
    return False


def kill_worker(site: Site, run_id: str) -> bool:
    """Its machine goes on without it, or another one takes the work."""
    worker = site.worker
    steps = [process for process in (worker.step, worker.sfm) if process is not None]
    worker.kill()
    _all_gone(steps)
    # A worker that starts sweeps at once: later than that it finds the run given up.
    time.sleep(STALLED_S + 0.5)
    site.start_worker()
    site.forget(worker)
    return True


def stop_worker(site: Site, run_id: str) -> bool:
    worker = site.worker
    steps = [process for process in (worker.step, worker.sfm) if process is not None]
    assert worker.stop() == 0, site.log()
    _all_gone(steps)
    site.start_worker(worker.machine)
    site.forget(worker)
    return True


def freeze_worker(site: Site, run_id: str) -> bool:
    """One that everybody thinks dead, and that comes back when another has its work."""
    frozen = site.worker
    before = site.see(run_id)
    site.watch.allowed.set()
    try:
        frozen.signal(signal.SIGSTOP)
        time.sleep(STALLED_S + 0.5)
        site.start_worker(f"{frozen.machine}-twin")
        site.wait_until(
            run_id, lambda sight: sight.status == "running" and sight.run["attempt"] > before.run["attempt"]
        )
        old = frozen.step
        frozen.signal(signal.SIGCONT)
        if old is not None:
            wait_until_gone(old.pid)
    finally:
        frozen.signal(signal.SIGCONT)
        site.watch.allowed.clear()
    assert frozen.stop() == 0
    site.forget(frozen)
    return True


def kill_api(site: Site, run_id: str) -> bool:
    site.uploads.send_meanwhile()
    time.sleep(site.rng.uniform(0, 0.5))
    api = site.server.child("api")
    api.kill()
    wait_until_gone(api.pid)
    site.server.wait_until_ready()
    return True


def restart_postgres(site: Site, run_id: str) -> bool:
    """As an update does: open transactions are rolled back, everybody is cut off."""
    return _end_postgres(site, signal.SIGINT)


def crash_postgres(site: Site, run_id: str) -> bool:
    return _end_postgres(site, signal.SIGKILL)


def stop_server(site: Site, run_id: str) -> bool:
    """API, database and storage at once, while a worker elsewhere goes on."""
    site.uploads.send_meanwhile()
    time.sleep(site.rng.uniform(0, 0.5))
    assert site.server.stop() == 0
    site.server.start()
    return True


def fill_disk(site: Site, run_id: str) -> bool:
    """Until the step has noticed, or need not write any more."""
    before = site.see(run_id).run
    site.disks["machines"].fill()
    try:
        site.wait_until(
            run_id,
            lambda sight: sight.run["attempt"] > before["attempt"] or sight.status != "running",
        )
    finally:
        site.disks["machines"].make_room()
    return True


def fill_server_disk(site: Site, run_id: str) -> bool:
    """Where the database and all objects lie; uploads are refused meanwhile."""
    site.disks["server"].fill()
    try:
        site.uploads.send_meanwhile()
        time.sleep(4)
    finally:
        site.disks["server"].make_room()
    return True


def clock_forward(site: Site, run_id: str) -> bool:
    site.clocks["machine"].set_forward(site.clocks["machine"].offset_s + 2 * HOURS)
    return True


def clock_back(site: Site, run_id: str) -> bool:
    site.clocks["machine"].set_forward(site.clocks["machine"].offset_s - 2 * HOURS)
    return True


def all_clocks_forward(site: Site, run_id: str) -> bool:
    for clock in site.clocks.values():
        clock.set_forward(clock.offset_s + 2 * HOURS)
    return True


def cancel(site: Site, run_id: str) -> bool:
    """No fault, but as sudden as one."""
    answer = site.server.post(f"/runs/{run_id}/cancel", uuid4().hex, {"confirm": True})
    assert answer.status_code in (200, 409), answer.text
    site.wait_until(run_id)
    return answer.is_success


def _end_postgres(site: Site, number: signal.Signals) -> bool:
    site.uploads.send_meanwhile()
    time.sleep(site.rng.uniform(0, 0.5))
    postmaster = site.server.postmaster
    postmaster.kill(number)
    wait_until_gone(postmaster.pid)
    site.server.rows("select 1")
    return True


def _all_gone(steps: list[Process]) -> None:
    """No step outlives its worker."""
    for step in steps:
        wait_until_gone(step.pid)


def _with_child(moment: Moment) -> bool:
    return moment.name not in ("queued", "filling", "ending")


def _before_the_end(moment: Moment) -> bool:
    return moment.name != "ending"


def _on_line(name: str, kind: str, *methods: str, times: int) -> Fault:
    """The next requests of these methods between the worker and storage fail."""

    def inject(site: Site, run_id: str) -> bool:
        site.troubles.append(site.proxy.trouble(kind, *methods, times=times))
        return False

    # A step's downloads are the first thing of it.
    fits = (lambda moment: moment.name == "queued") if methods == ("GET",) else _before_the_end
    return Fault(name, inject, fits=fits, on_line=True)


MEMORY = ("out_of_memory", "step_crashed", "step_killed")

FAULTS = (
    Fault("child killed", kill_step, fits=_with_child),
    Fault("child crashed", crash_step, fits=_with_child),
    Fault("sfm killed", kill_sfm, ("sfm_crashed",), fits=lambda moment: moment.during_sfm),
    Fault("memory exhausted", exhaust_memory, MEMORY, fits=_with_child),
    Fault("worker killed", kill_worker),
    Fault("worker stopped", stop_worker),
    Fault("worker frozen", freeze_worker, fits=lambda moment: moment.name in ("training", "mapping", "round 1")),
    Fault("API killed", kill_api),
    Fault("Postgres restarted", restart_postgres),
    Fault("Postgres crashed", crash_postgres),
    Fault("server stopped", stop_server),
    _on_line("storage 500", "500", times=3),
    _on_line("storage away", "close", times=20),
    _on_line("storage silent", "hold", times=2),
    _on_line("storage cuts downloads", "cut_download", "GET", times=3),
    _on_line("storage shortens downloads", "short_download", "GET", times=2),
    _on_line("storage cuts uploads", "cut_upload", "POST", "PUT", times=3),
    _on_line("storage loses answers", "lost_answer", "POST", "PUT", times=3),
    Fault("disk full", fill_disk, ("disk_full",), needs="disk", fits=_before_the_end),
    Fault("server's disk full", fill_server_disk, ("disk_full",), needs="disk"),
    Fault("clock forward", clock_forward, needs="clock"),
    Fault("clock back", clock_back, needs="clock"),
    Fault("all clocks forward", all_clocks_forward, needs="clock"),
    Fault("cancelled", cancel, ("run_cancelled",)),
)
