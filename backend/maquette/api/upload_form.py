"""The form of `POST /upload` as the API's description has it: what is read piece by piece, FastAPI cannot describe."""

from __future__ import annotations

from typing import Any, get_args

from maquette.steps.parameters import Preset, UploadParameters

_TEXT = {"type": "string"}
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Photos: JPEG, PNG, WEBP, TIFF or HEIC; repeat the field for each. Beside"
                            " them masks (`a.mask.png` for `a.jpg`, white is the subject) and known cameras"
                            " (`transforms.json`, a COLMAP model, `…_par.txt`). Or a video (MP4, MOV, AVI, MKV,"
                            " WEBM), or a ZIP of any of these. What a file is, its content says."
                            " The server bounds their number in a project (200), each one's size (500 MB and 100"
                            " megapixels) and all of them together (2048 MB) unless it is set otherwise: `limits` of"
                            " `GET /health`.",
                            "example": ["front.jpg", "left.jpg", "back.jpg"],
                        },
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "The same as `file`.",
                            "example": ["front.jpg", "left.jpg", "back.jpg"],
                        },
                        "incoming": {
                            "type": "array",
                            "items": {"type": "string", "format": "uuid"},
                            "description": "A large file that has come to storage already by resumable upload, by its"
                            " `id` of `POST /projects/{project_id}/incoming`; repeat the field for each. It is taken in"
                            " as a `file` would be, and its project is the default of `project_id`.",
                            "example": ["3f0d6c1e-8a55-4d0b-9a53-4f1f5b8f7e21"],
                        },
                        "views": {
                            "type": "array",
                            "minItems": 6,
                            "maxItems": 6,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Six views of one object, named front, back, left, right, top and bottom;"
                            " with `depth_renders`, and without anything else.",
                            "example": ["front.png", "back.png", "left.png", "right.png", "top.png", "bottom.png"],
                        },
                        "depth_renders": {
                            "type": "array",
                            "minItems": 6,
                            "maxItems": 6,
                            "items": {"type": "string", "format": "binary"},
                            "description": "The depth of each of the `views`, as grey pictures of the same names.",
                            "example": ["front.png", "back.png", "left.png", "right.png", "top.png", "bottom.png"],
                        },
                        "frames": {
                            "type": "integer",
                            "minimum": 3,
                            "maximum": 200,
                            "description": UploadParameters.model_fields["frames"].description,
                            "example": 40,
                        },
                        "preset": {
                            "type": "string",
                            "enum": list(get_args(Preset)),
                            "description": UploadParameters.model_fields["preset"].description,
                            "example": "balanced",
                        },
                        "project_id": {
                            **_TEXT,
                            "format": "uuid",
                            "description": "The project to add to, a UUID. Default: a new project is created.",
                            "example": "6f1c1f0e-5f0a-4c3b-9c53-0d4a3c0c7a11",
                        },
                        "remove_bg": {
                            "type": "boolean",
                            "default": False,
                            "description": UploadParameters.model_fields["remove_bg"].description,
                            "example": False,
                        },
                        "original_resolution": {
                            "type": "boolean",
                            "default": False,
                            "description": UploadParameters.model_fields["original_resolution"].description,
                            "example": False,
                        },
                    },
                }
            }
        },
    }
}
