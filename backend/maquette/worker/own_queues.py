"""Which queues a worker serves."""

from __future__ import annotations

from maquette.errors import BadInputError
from maquette.queue.turns import QUEUES
from maquette.recon.cuda import available


class UnknownQueueError(BadInputError):
    """A worker was told to serve a queue that nothing is ever put into."""

    code = "unknown_queue"


def own_queues() -> tuple[str, ...]:
    """Both where this machine has a GPU that can be used, else ``cpu``."""
    return QUEUES if available().usable else ("cpu",)


def named_queues(names: str) -> tuple[str, ...]:
    """Queues named on a command line, separated by commas; ``unknown_queue`` for any other."""
    wanted = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = sorted(set(wanted) - set(QUEUES))
    if unknown or not wanted:
        raise UnknownQueueError(
            f"There is no queue {', '.join(unknown) or 'of an empty name'}.",
            suggestion=f"Name one or both of {' and '.join(QUEUES)}, separated by a comma.",
            unknown=unknown,
        )
    return wanted
