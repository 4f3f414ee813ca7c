"""Which queues a worker may be told to serve."""

import pytest

from maquette.worker.own_queues import UnknownQueueError, named_queues, own_queues


def test_queues_are_named_once_each_in_any_order() -> None:
    assert named_queues("gpu, cpu,gpu") == ("gpu", "cpu")
    assert named_queues("cpu") == ("cpu",)


@pytest.mark.parametrize("names", ["", " , ", "cpus", "cpu,large"])
def test_a_queue_that_nothing_goes_into_is_refused(names: str) -> None:
    with pytest.raises(UnknownQueueError):
        named_queues(names)


def test_every_worker_serves_what_needs_no_gpu() -> None:
    assert "cpu" in own_queues()
