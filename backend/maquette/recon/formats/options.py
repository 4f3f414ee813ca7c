"""What can be asked of a format, refused where it cannot be done."""

from __future__ import annotations

from typing import Any

from maquette.errors import BadInputError
from maquette.recon.formats.format import Format


class NothingToOptimizeError(BadInputError):
    """``optimize`` was asked of a format whose files it would not change."""

    code = "nothing_to_optimize"


def check_optimize(target: Format[Any], *, optimize: bool) -> None:
    """Raise ``nothing_to_optimize`` where the format has nothing that ``optimize`` could do."""
    if optimize and not target.optimizations:
        raise NothingToOptimizeError(
            f"'{target.name}' has nothing to optimize.", suggestion="Leave optimize out.", format=target.name
        )
