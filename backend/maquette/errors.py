"""The root of every error a user can see: a stable code, what is wrong, what to do, and the HTTP status.

Each module declares its own errors beside the code that raises them, by subclassing :class:`MaquetteError`
with a class-level ``code``. Messages and suggestions are written for the person who sent the photos; they never
hold secrets, addresses of machines or paths outside the user's own input.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MaquetteError(Exception):
    """An error with a stable ``code``, an HTTP ``status`` and a ``suggestion`` that says what to do."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retry_after_s: ClassVar[int | None] = None
    """When the same call may work, where waiting is what helps."""

    def __init__(self, message: str, *, suggestion: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The wire shape of DESIGN 4: ``{"code", "message", "details", "suggestion"}``."""
        return {
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "suggestion": self.suggestion,
        }


class BadInputError(MaquetteError):
    """The request or the files cannot be used as they are (422)."""

    code = "bad_input"
    status = 422


class NotFoundError(MaquetteError):
    """There is no such thing, or it is not yours to see (404)."""

    code = "not_found"
    status = 404


class WrongStateError(MaquetteError):
    """The thing exists but the call does not fit its state (409)."""

    code = "wrong_state"
    status = 409


class GoneError(MaquetteError):
    """It was there and is no more, for good or until it is made again (410)."""

    code = "gone"
    status = 410


class TooLargeError(MaquetteError):
    """More bytes, pixels or files than allowed (413)."""

    code = "too_large"
    status = 413


class UnavailableError(MaquetteError):
    """Something needed is not there right now (503)."""

    code = "unavailable"
    status = 503
