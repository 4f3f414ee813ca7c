"""Conformance of Storage and Realtime.

One suite for both ways to run (DESIGN 1): on the embedded services, or unchanged on a real Supabase project, hosted or
self-hosted, where ``SUPABASE_URL`` and the other variables of ``maquette.settings`` are set and ``maquette db migrate``
has run::

    SUPABASE_URL=… SUPABASE_SECRET_KEY=… SUPABASE_PUBLISHABLE_KEY=… DATABASE_URL=… pytest -m supabase

Every expectation comes from what the real services answer (the wire facts that WIRE.md collects, or the source or
documentation named beside the test), never from our own services. What a run makes on a real project carries a prefix
of its own, ``conformance-…``, and is removed at its end.
"""
