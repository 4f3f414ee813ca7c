"""Numbers of the database in the families that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from maquette.db.measures import SECONDS, History, Line


def gauge(name: str, about: str, numbers: Mapping[Any, float], *labels: str) -> Metric:
    """One number for each combination of the labels' values, which is a tuple of texts."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for values, number in numbers.items():
        family.add_metric(values, float(number))
    return family


def of_line(line: Line) -> Iterator[Metric]:
    """What waits and works now, and who could take it."""
    waiting, running, slots = Counter[tuple[str]](), Counter[tuple[str, str]](), Counter[tuple[str]]()
    oldest_s: dict[tuple[str, ...], float] = {}
    for row in line.unfinished:
        queue = (row["queue"],)
        if row["status"] == "queued":
            waiting[queue] += row["number"]
            oldest_s[queue] = max(oldest_s.get(queue, 0.0), row["oldest_s"])
        else:
            running[row["queue"], row["step"]] += row["number"]
    for worker in line.workers:
        slots.update({(queue,): worker["concurrency"] for queue in worker["queues"]})
    # A queue that is empty is told as empty: an alarm cannot be set on a number that is not there.
    queues = sorted({("cpu",), ("gpu",), *waiting, *slots})
    yield gauge("maquette_queue_waiting", "Runs in line.", {queue: waiting[queue] for queue in queues}, "queue")
    yield gauge(
        "maquette_queue_oldest_seconds",
        "How long the run that waits longest has waited; 0: none waits.",
        {queue: oldest_s.get(queue, 0.0) for queue in queues},
        "queue",
    )
    yield gauge("maquette_runs_running", "Runs at work.", running, "queue", "step")
    yield gauge("maquette_workers_alive", "Worker processes that live.", {(): len(line.workers)})
    yield gauge(
        "maquette_worker_slots",
        "Steps that living workers can carry out at once; one that takes from two queues counts in both.",
        {queue: slots[queue] for queue in queues},
        "queue",
    )


def of_history(history: History) -> Iterator[Metric]:
    """What there has been. Gauges: a project that is deleted takes its runs along."""
    yield gauge(
        "maquette_runs",
        "Runs that have ended and were not deleted; code: why one failed.",
        {(row["step"], row["status"], row["code"]): row["number"] for row in history.ended},
        "step",
        "status",
        "code",
    )
    yield gauge(
        "maquette_run_retries",
        "Attempts that ended and were followed by another, by cause, of runs that were not deleted.",
        {(row["code"],): row["number"] for row in history.retries},
        "code",
    )
    yield _lengths(history)
    yield gauge(
        "maquette_stored_bytes",
        "Of the objects that the records name.",
        {(row["bucket"],): row["bytes"] for row in history.stored},
        "bucket",
    )
    yield gauge(
        "maquette_stored_objects",
        "Objects that the records name.",
        {(row["bucket"],): row["number"] for row in history.stored},
        "bucket",
    )


def _lengths(history: History) -> Metric:
    family = HistogramMetricFamily(
        "maquette_step_duration_seconds",
        "Completed runs that were not deleted, from their first start to their end.",
        labels=["step"],
    )
    bounds = [*map(str, SECONDS), "+Inf"]
    for step in sorted({row["step"] for row in history.lengths}):
        rows = [row for row in history.lengths if row["step"] == step]
        counts = {row["bucket"]: row["number"] for row in rows}
        up_to = accumulate(counts.get(index, 0) for index in range(len(bounds)))
        family.add_metric([step], list(zip(bounds, up_to, strict=True)), sum(row["seconds"] for row in rows))
    return family
