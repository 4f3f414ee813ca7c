"""The six buckets; their limits stand in storage_policies/0010_buckets.sql."""

from __future__ import annotations

from typing import Final

PROJECT_UPLOADS: Final = "project-uploads"
PROCESSED_IMAGES: Final = "processed-images"
MULTIVIEW_IMAGES: Final = "multiview-images"
DEPTH_MAPS: Final = "depth-maps"
ENHANCED_VIEWS: Final = "enhanced-views"
MODELS: Final = "3d-models"

BUCKETS: Final = (PROJECT_UPLOADS, PROCESSED_IMAGES, MULTIVIEW_IMAGES, DEPTH_MAPS, ENHANCED_VIEWS, MODELS)
