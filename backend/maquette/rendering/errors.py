"""Why a picture was not drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maquette.errors import MaquetteError, UnavailableError


class RenderBusyError(UnavailableError):
    """Too many pictures wait already, or this one waited too long."""

    code = "busy"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Too many pictures are asked for at once: {why}.", suggestion="Ask again in a moment, for fewer at a time."
        )


class RenderTimedOutError(UnavailableError):
    """One picture took longer than any should; the process that drew it was ended."""

    code = "render_timed_out"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The picture was not finished within {seconds:g} seconds.",
            suggestion="Ask for a smaller one. The very first on a machine waits for a compiler: try again.",
        )


class RendererDiedError(UnavailableError):
    """The process that draws ended in the middle of it; the next call starts another."""

    code = "renderer_died"

    def __init__(self, how: str) -> None:
        super().__init__(
            f"The process that draws pictures ended unexpectedly ({how}).",
            suggestion="Ask again. If it stays, ask for a smaller picture, or raise MAQUETTE_RENDER_MEMORY_MB.",
            exit=how,
        )


class RenderMemoryError(UnavailableError):
    """The model or the picture needs more memory than may be used."""

    code = "render_out_of_memory"

    def __init__(self) -> None:
        super().__init__(
            "Drawing this needs more memory than it may use.",
            suggestion="Ask for a smaller picture, or raise MAQUETTE_RENDER_MEMORY_MB.",
        )


class StoredObjectDamagedError(MaquetteError):
    """An object in a bucket is not what its record says."""

    code = "object_damaged"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The object {key} is not what was stored there.",
            suggestion="Compare with `maquette db query storage_differences`, then run the step that made it again.",
        )


class DrawingFailedError(MaquetteError):
    """The child process refused or failed; code and status are those of its own error."""

    def __init__(self, error: Mapping[str, Any], status: int) -> None:
        super().__init__(str(error.get("message", "")), suggestion=str(error.get("suggestion", "")))
        self.details = dict(error.get("details") or {})
        self.code = str(error.get("code", "internal_error"))  # type: ignore[misc]
        self.status = status  # type: ignore[misc]
