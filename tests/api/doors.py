"""Every door of the API and who may go through it. A route that is not here fails tests/api/test_roles.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

V1 = "/api/v1"

ANYBODY = {
    f"GET {V1}/health",
    f"GET {V1}/ready",
    f"GET {V1}/sign-in",
    f"GET {V1}/shared/{{share_key}}",
    f"GET {V1}/shared/{{share_key}}/render",
}
"""Calls that need no credentials. The key in a link's address is one, for a single model."""

OWN = {
    f"POST {V1}/projects",
    f"GET {V1}/projects",
    f"POST {V1}/projects/import",
    f"POST {V1}/projects/sample",
    f"GET {V1}/formats",
    f"GET {V1}/queue",
    f"POST {V1}/webhooks",
    f"GET {V1}/webhooks",
    f"GET {V1}/session",
}
"""Calls with credentials that name nothing of anybody: each caller makes and sees their own."""

NAMED = {
    f"{method} {V1}{path}"
    for path, methods in {
        "/upload": "POST",
        "/generate/{project_id}": "POST",
        "/refine/{project_id}": "POST",
        "/export/{project_id}": "POST GET",
        "/status/{project_id}": "GET",
        "/projects/{project_id}": "GET PATCH DELETE",
        "/projects/{project_id}/incoming": "POST",
        "/projects/{project_id}/incoming/{incoming_id}": "GET DELETE",
        "/projects/{project_id}/download": "GET",
        "/projects/{project_id}/images": "GET",
        "/projects/{project_id}/images/{image_index}": "PUT",
        "/projects/{project_id}/views": "GET",
        "/projects/{project_id}/depth-maps": "GET",
        "/projects/{project_id}/models": "GET",
        "/projects/{project_id}/models/{version}/promote": "POST",
        "/projects/{project_id}/models/{version}/render": "GET",
        "/projects/{project_id}/iterations": "GET",
        "/projects/{project_id}/enhanced-views": "GET",
        "/projects/{project_id}/metrics": "GET",
        "/projects/{project_id}/losses": "GET",
        "/projects/{project_id}/meshes": "GET",
        "/projects/{project_id}/exports": "GET",
        "/projects/{project_id}/runs": "GET",
        "/projects/{project_id}/compare": "GET",
        "/projects/{project_id}/shares": "POST GET",
        "/projects/{project_id}/shares/{share_id}": "DELETE",
        "/projects/{project_id}/events": "GET",
        "/runs/{run_id}": "GET",
        "/runs/{run_id}/cancel": "POST",
        "/runs/{run_id}/retry": "POST",
        "/runs/{run_id}/log": "GET",
        "/runs/{run_id}/preview": "GET",
        "/webhooks/{webhook_id}": "GET PATCH DELETE",
        "/webhooks/{webhook_id}/secret": "POST",
        "/webhooks/{webhook_id}/test": "POST",
        "/webhooks/{webhook_id}/deliveries": "GET",
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": "POST",
    }.items()
    for method in methods.split()
}
"""Calls with credentials that name something: to all but its owner it does not exist."""

PAGES = {
    "GET /",
    "GET /projects/{rest:path}",
    "GET /v/{rest:path}",
    "GET /sign-in",
    "GET /assets/{name}",
    "GET /favicon.svg",
    "GET /theme.js",
    "GET /health",
    "GET /ready",
    f"GET {V1}/openapi.json",
    f"GET {V1}/docs",
    "GET /docs",
    "GET /docs/",
    "GET /docs/oauth2-redirect",
    "MOUNT /static-offline-docs",
}
"""The page's own files and the description: the same for everybody, and nobody's."""

METRICS = "GET /metrics"
"""Has a gate of its own: tests/api/test_metrics.py."""

SOCKETS = {f"SOCKET {V1}/projects/{{project_id}}/events", f"SOCKET {V1}/{{path:path}}"}
"""The second one answers every other address, and opens nothing: tests/api/test_events.py."""

EXPECTED = ANYBODY | OWN | NAMED | PAGES | SOCKETS | {METRICS}


def doors(routes: Any, prefix: str = "") -> Iterator[str]:
    """Every method of every route of an app, those of included routers with the prefix they stand under."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from doors(route.original_router.routes, prefix + route.include_context.prefix)
        elif "WebSocket" in type(route).__name__:
            yield f"SOCKET {prefix}{route.path}"
        elif getattr(route, "methods", None) is None:
            yield f"MOUNT {prefix}{route.path}"
        else:
            yield from (f"{method} {prefix}{route.path}" for method in route.methods - {"HEAD"})
