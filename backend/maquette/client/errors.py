"""What can go wrong for a client: the server's own errors, passed on, and a server that says nothing."""

from __future__ import annotations

from typing import Any

import httpx

from maquette.errors import MaquetteError


class ApiError(MaquetteError):
    """The server refused a call: ``code``, ``message``, ``details`` and ``suggestion`` are the server's.

    ``status``: of the HTTP answer.
    """

    code = "api_refused"

    @classmethod
    def of(cls, error: dict[str, Any], status: int) -> ApiError:
        """From the server's wire shape."""
        made = cls(str(error.get("message") or f"The server answered {status}."))
        made.suggestion = str(error.get("suggestion") or "")
        made.details = error.get("details") or {}
        made.code = str(error.get("code") or cls.code)  # type: ignore[misc]
        made.status = status  # type: ignore[misc]
        return made


class RunFailedError(ApiError):
    """A run failed or was cancelled; the error is the run's."""


class ServerSilentError(MaquetteError):
    """The server cannot be reached, or the line broke again and again."""

    code = "server_silent"
    status = 503

    @classmethod
    def of(cls, broken: httpx.TransportError) -> ServerSilentError:
        """From what httpx says; addresses may hold tokens, so none is shown."""
        return cls(
            f"The server does not answer ({type(broken).__name__}).",
            suggestion="Check its address, that it runs (`maquette serve`), and your line; then call again.",
        )


def error_of(answer: httpx.Response) -> ApiError:
    """An error answer as ours."""
    try:
        body = answer.json()
        error = body["error"] if isinstance(body, dict) and isinstance(body.get("error"), dict) else {}
    except ValueError:
        error = {}
    return ApiError.of(error, answer.status_code)
