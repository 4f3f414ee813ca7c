"""The process that draws: ``python -m maquette.rendering.child MEMORY_MB``.

Jobs come on standard input, answers go to standard output, a line each. It dies with its parent.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import traceback

from maquette.errors import MaquetteError
from maquette.lifeline import die_with_parent
from maquette.rendering.errors import RenderMemoryError
from maquette.rendering.jobs import Answer, Drawn, Failed, Job, Missing
from maquette.rendering.pictures import write_picture_file

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> int:
    """Answer jobs until standard input ends."""
    die_with_parent()
    memory_mb = int(sys.argv[1])
    if memory_mb > 0:
        limit = memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Whatever native code prints must not stand among the answers.
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            answers.write(answer(Job.model_validate_json(line)).model_dump_json() + "\n")
    return 0


def answer(job: Job) -> Answer:
    """Draw a picture into its file, or say why there is none."""
    try:
        # Imported here: the engine is heavy, and a failure to import it is an error like others.
        from maquette.rendering.drawing import draw, load

        if not job.model.exists() or (job.photo is not None and not job.photo.exists()):
            return Missing()
        if job.to.exists():
            return Drawn()  # two asked at once, here or at another API process
        try:
            picture = draw(job)
        except MemoryError:
            # Perhaps only the other models are too many.
            load.cache_clear()
            picture = draw(job)
        write_picture_file(job.to, picture)
        return Drawn()
    except MaquetteError as error:
        return Failed(error=error.as_dict(), status=error.status)
    except MemoryError:
        return _failed(RenderMemoryError())
    except (OSError, ImportError) as error:
        number = error.errno if isinstance(error, OSError) else errno.ENOMEM
        if number == errno.ENOMEM:
            return _failed(RenderMemoryError())
        traceback.print_exc()
        return Failed(
            error=DISK_FULL if number in FULL_DISK else UNEXPECTED, status=503 if number in FULL_DISK else 500
        )
    except Exception:
        # The log keeps the trace; the user gets no internals.
        traceback.print_exc()
        return Failed(error=UNEXPECTED, status=500)


def _failed(error: MaquetteError) -> Failed:
    return Failed(error=error.as_dict(), status=error.status)


DISK_FULL = {
    "code": "disk_full",
    "message": "The disk that pictures are kept on is full.",
    "details": {},
    "suggestion": "Free some space, or set MAQUETTE_HOME to a larger disk.",
}

UNEXPECTED = {
    "code": "internal_error",
    "message": "The picture could not be drawn for a reason we did not foresee.",
    "details": {},
    "suggestion": "Ask again; if it stays, report it with what the server's log says at this time.",
}


if __name__ == "__main__":
    sys.exit(main())
