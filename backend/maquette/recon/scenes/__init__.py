"""Scenes on disk: our own folder form, COLMAP models, and nerfstudio or instant-ngp ``transforms.json``.

The door is :mod:`maquette.recon.scene_files`.
"""
