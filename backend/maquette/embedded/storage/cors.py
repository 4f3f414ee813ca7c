"""Which pages of other sites may call the service: all, as on Supabase, for a key travels in a header.

No cookie and no address opens anything here, so a page can do no more than whoever gave it a key. Requests from a
public site to this machine's own addresses stay refused by the browser (``allow_private_network``).
"""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

# What supabase-js and tus-js-client read besides the few headers that browsers show anyway.
EXPOSED = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Location",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
)

CORS = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["*"],
    # Answers with the headers asked for: clients add their own (x-client-info, x-upsert, x-signature, …).
    allow_headers=["*"],
    expose_headers=EXPOSED,
    max_age=3600,
)
