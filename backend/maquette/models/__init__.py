"""Weights of the optional neural models: what there is, what of it lies on this machine, fetching and verifying it.

``registry``, ``manifest``, ``installed`` and ``verify`` touch files only, so that steps may ask them; ``pull``, ``hub``
and ``download`` are the only ones that use the network, and only when a person says ``maquette models pull``.
"""
