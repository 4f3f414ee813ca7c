"""A project's life: upload, generate, refine, export, with faults at chosen moments of each."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.faults.faults import FAULTS, Fault
from tests.faults.invariants import check_everything
from tests.faults.moments import MOMENTS, Moment, moments_of
from tests.faults.site import Site

SMALL: dict[str, dict[str, Any]] = {
    "generate": {"preset": "fastest", "iterations": 60, "long_side": 96, "max_gaussians": 400},
    "refine": {"num_iterations": 2, "steps_per_iteration": 10, "convergence_threshold": 0},
    "export": {"format": "splat"},
}
FAULTS_IN = {"generate": 4, "refine": 3, "export": 1}


@dataclass(frozen=True)
class Planned:
    """A fault and when."""

    moment: Moment
    fault: Fault


def plan_lives(seed: int, lives: int, faults: Sequence[Fault] = FAULTS) -> list[list[Planned]]:
    """So many lives, in which each fault comes once where there is room. The same seed plans the same.

    Each step is cut into parts of its life, and in each part something happens: at a moment that the fault fits. Those
    that fit few parts choose first.
    """
    rng = random.Random(seed)
    free = [
        (life, moments)
        for life in range(lives)
        for step, count in FAULTS_IN.items()
        for moments in _parts(moments_of(step), count)
    ]
    plans: list[list[Planned]] = [[] for _ in range(lives)]
    order = rng.sample(list(faults), len(faults))
    for fault in sorted(order, key=lambda fault: sum(fault.fits(moment) for moment in MOMENTS)):
        fitting = [part for part in free if any(map(fault.fits, part[1]))]
        if fitting:
            life, moments = part = rng.choice(fitting)
            free.remove(part)
            plans[life].append(Planned(rng.choice([moment for moment in moments if fault.fits(moment)]), fault))
    return [sorted(plan, key=lambda planned: MOMENTS.index(planned.moment)) for plan in plans]


def _parts(moments: list[Moment], count: int) -> list[tuple[Moment, ...]]:
    """Moments in order, cut into ``count`` parts of about one length."""
    edges = [round(part * len(moments) / count) for part in range(count + 1)]
    return [tuple(moments[a:b]) for a, b in pairwise(edges)]


def live(site: Site, photos: list[bytes], plan: Sequence[Planned]) -> None:
    """Carry a project through all steps; each must end completed, by itself or after one retry by hand for each fault
    that may end a run. Afterwards nothing is lost."""
    project_id = site.uploads.send(photos)
    for step, body in SMALL.items():
        planned_here = [one for one in plan if one.moment.step == step]
        # A worker takes a run at once: what is to meet its first requests has to be there before.
        early = [one for one in planned_here if one.fault.on_line and one.moment.name == "queued"]
        for planned in early:
            planned.fault.inject(site, "")
        run_id = site.call(step, project_id, body)
        allowed: set[str] = set()
        for planned in (one for one in planned_here if one not in early):
            run_id = _suffer(site, run_id, planned, allowed)
        _complete(site, run_id, allowed)
        site.proxy.calm()
    site.uploads.wait()
    _count_troubles(site)
    check_everything(site, project_id)
    missed = site.figures.checked["faults that found nothing"]
    assert missed <= len(plan) // 3, f"{missed} of {len(plan)} faults found nothing to hurt"


def generate_calmly(site: Site, photos: list[bytes]) -> None:
    """With no fault. The first one of all compiles the engine, which takes a minute on a fresh machine."""
    project_id = site.uploads.send(photos)
    run_id = site.call("generate", project_id, SMALL["generate"])
    assert site.wait_until(run_id, seconds=600).status == "completed", site.log()


def _suffer(site: Site, run_id: str, planned: Planned, allowed: set[str]) -> str:
    """Wait for the moment and do the fault; answers the run that goes on."""
    fault, moment = planned.fault, planned.moment
    sight = site.wait_for(run_id, moment)
    if sight.status in ("failed", "cancelled"):
        run_id = _again(site, run_id, allowed)
        sight = site.wait_for(run_id, moment)
    if sight.ended or not fault.possible(site):
        site.figures.checked["faults that found nothing"] += 1
        return run_id
    began = time.monotonic()
    if fault.inject(site, run_id):
        site.figures.fault(fault.name, f"{moment.step}: {moment.name}")
    allowed.update(fault.may_fail)
    print(
        f"{fault.name} at {moment.step}: {moment.name}, attempt {sight.run['attempt']},"
        f" {time.monotonic() - began:.1f} s"
    )
    return run_id


def _complete(site: Site, run_id: str, allowed: set[str]) -> None:
    while (sight := site.wait_until(run_id)).status != "completed":
        run_id = _again(site, run_id, allowed)
    site.figures.runs["completed"] += 1
    site.figures.runs["attempts"] += sight.run["attempt"]


def _again(site: Site, run_id: str, allowed: set[str]) -> str:
    """Retry a run that ended, as its fault allows: by a code that says so and with a sentence."""
    run = site.see(run_id).run
    code = "run_cancelled" if run["status"] == "cancelled" else (run["error"] or {}).get("code")
    assert code in allowed, f"{run['step']} ended: {run['error']}, allowed {allowed}\n{site.log()}"
    # Each may happen once.
    allowed.discard(code)
    site.figures.runs[run["status"]] += 1
    return site.retry(run_id)


def _count_troubles(site: Site) -> None:
    """Those of the line count when a request met them."""
    for trouble in site.troubles:
        if trouble.done:
            site.figures.fault(f"storage {trouble.kind}", "on the line")
        else:
            site.figures.checked["faults that found nothing"] += 1
    site.troubles.clear()
