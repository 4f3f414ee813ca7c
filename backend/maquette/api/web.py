"""The web page: one document for the addresses of the page's own router, and the files it is built of.

Everything else answers as before: an address that is neither the page's nor the API's is a 404, so that a missing file
never looks like a document.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from maquette.api.paths import SHARED_PAGE
from maquette.settings import Connections, Settings

BUILT = Path(__file__).parents[1] / "web" / "dist"
IMMUTABLE = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
"""Kept, and asked about each time: these files keep their names when they change."""

PAGES = ("/", "/projects/{rest:path}", "/v/{rest:path}", "/sign-in")
"""The addresses that the page's router knows (frontend/src/app/router.tsx)."""
LOOKS_LIKE_A_FILE = re.compile(r"\.[A-Za-z0-9]{1,8}$")
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""What the build wrote beside each text file, the smallest first."""

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Maquette</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>The page is not built yet</h1>
<p>Maquette runs, and its API answers: see <a href="/docs">/docs</a>.</p>
<p>Build the page with <code>make frontend</code> in the checkout, then load this address again. Nothing has to be
restarted.</p></body></html>"""


def serve_web(app: FastAPI, settings: Settings, connections: Connections) -> None:
    """Answer for the page from ``MAQUETTE_WEB_DIR``, by default where `make frontend` puts it. Looked up at each
    request: a page that is built while the server runs is there at once."""
    folder = settings.web_dir or BUILT
    policy, shared_policy = (
        content_policy(connections, ancestors) for ancestors in (("'none'",), ("'self'", *settings.frame_ancestors))
    )
    router = APIRouter(include_in_schema=False)

    async def page(request: Request) -> Response:
        path = request.url.path
        if LOOKS_LIKE_A_FILE.search(path):
            raise HTTPException(404)
        # Only the page of a share link may stand in frames, in this server's own and those of the named sites: there is
        # nothing on it to be clicked into.
        shared = path.startswith(SHARED_PAGE)
        if not (folder / "index.html").is_file():
            answer: Response = HTMLResponse(NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})
        else:
            answer = _file(request, folder / "index.html", ASK_AGAIN)
        answer.headers["Content-Security-Policy"] = shared_policy if shared else policy
        # For browsers that know no frame-ancestors; others heed that alone. It cannot name other sites.
        if not (shared and settings.frame_ancestors):
            answer.headers["X-Frame-Options"] = "SAMEORIGIN" if shared else "DENY"
        return answer

    async def hashed(request: Request, name: str) -> Response:
        return _file(request, _inside(folder / "assets", name), IMMUTABLE)

    async def plain(request: Request) -> Response:
        return _file(request, _inside(folder, request.url.path[1:]), ASK_AGAIN)

    for path in PAGES:
        router.add_api_route(path, page, methods=["GET", "HEAD"])
    router.add_api_route("/assets/{name}", hashed, methods=["GET", "HEAD"])
    for path in ("/favicon.svg", "/theme.js"):
        router.add_api_route(path, plain, methods=["GET", "HEAD"])
    app.include_router(router)


def content_policy(connections: Connections, ancestors: Sequence[str]) -> str:
    """What the page may load: itself, and Supabase where that is configured; WebAssembly for the viewer."""
    origins = []
    if not connections.embedded:
        host = urlsplit(connections.supabase_url)
        socket = "wss" if host.scheme == "https" else "ws"
        origins = [f"{host.scheme}://{host.netloc}", f"{socket}://{host.netloc}"]
    elsewhere = "".join(f" {origin}" for origin in origins)
    return (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:;"
        # Dialogs and menus keep the page behind them still by a style of their own.
        " style-src 'self' 'unsafe-inline';"
        f" img-src 'self' blob: data:{elsewhere}; media-src 'self' blob:{elsewhere}; font-src 'self';"
        # data: and blob: are how the viewer's own modules reach their compiled parts.
        f" connect-src 'self' blob: data:{elsewhere};"
        f" frame-ancestors {' '.join(ancestors)}; base-uri 'none'; form-action 'self'"
    )


def _inside(folder: Path, name: str) -> Path:
    """A file of the build; 404 for anything else, whatever the name tries."""
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise HTTPException(404)
    return path


def _file(request: Request, path: Path, keep: str) -> Response:
    """The file, as the smallest form that the browser takes."""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    for encoding, ending in ENCODINGS:
        packed = path.with_name(path.name + ending)
        if encoding in accepted and packed.is_file():
            headers["Content-Encoding"] = encoding
            path = packed
            break
    answer = FileResponse(path, media_type=kind, headers=headers, stat_result=path.stat())
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        kept = {name: answer.headers[name] for name in ("etag", "cache-control", "vary")}
        return Response(status_code=304, headers=kept)
    return answer
