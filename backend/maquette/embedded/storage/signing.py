"""Signed addresses: whoever may see an object can lend that right for a while, by a token for that object alone."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.downloads import find_object
from maquette.embedded.storage.faults import invalid_request
from maquette.embedded.storage.names import check_key
from maquette.embedded.storage.routing import KeyRoute
from maquette.embedded.storage.service import json_body, seconds_field, service_of
from maquette.embedded.storage.tokens import sign
from maquette.embedded.storage.transforms import refuse_transform
from maquette.embedded.storage.uploads import Target, check_may_upload

UPLOAD_TOKEN_S = 2 * 3600


async def sign_download(request: Request) -> Response:
    """One object: a relative address with a token."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    seconds = seconds_field(body, "expiresIn")
    refuse_transform(body)
    bucket = await service.bucket(request.path_params["bucket"])
    row = await find_object(service, caller, bucket["id"], request.path_params["key"])
    token = sign(service.keys, "download", bucket["id"], row["name"], seconds)
    return JSONResponse({"signedURL": _address("sign", bucket["id"], row["name"], token)})


async def sign_downloads(request: Request) -> Response:
    """Many objects; one that is missing or hidden gets no address and a reason, in its place."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    seconds, paths = seconds_field(body, "expiresIn"), body.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) and "\0" not in path for path in paths):
        raise invalid_request("body/paths must be a list of strings")
    bucket = await service.bucket(request.path_params["bucket"])
    async with transaction_as(service.pool, caller) as connection:
        found = await connection.execute(
            "select name from storage.objects where bucket_id = %s and name = any(%s)", [bucket["id"], paths]
        )
        names = {row["name"] for row in await found.fetchall()}
    signed = []
    for path in paths:
        if path in names:
            token = sign(service.keys, "download", bucket["id"], path, seconds)
            signed.append({"error": None, "path": path, "signedURL": _address("sign", bucket["id"], path, token)})
        else:
            reason = "Either the object does not exist or you do not have access to it"
            signed.append({"error": reason, "path": path, "signedURL": None})
    return JSONResponse(signed)


async def sign_upload(request: Request) -> Response:
    """The right to upload one object, for two hours."""
    service = service_of(request)
    caller = service.caller(request)
    key = check_key(request.path_params["key"])
    bucket = await service.bucket(request.path_params["bucket"])
    upsert = request.headers.get("x-upsert", "").lower() == "true"
    await check_may_upload(service, Target(bucket, key, caller, caller.owner, upsert))
    token = sign(service.keys, "upload", bucket["id"], key, UPLOAD_TOKEN_S, owner=caller.owner, upsert=upsert)
    return JSONResponse({"url": _address("upload/sign", bucket["id"], key, token), "token": token})


def _address(purpose: str, bucket: str, key: str, token: str) -> str:
    return f"/object/{purpose}/{quote(bucket)}/{quote(key)}?token={token}"


ROUTES = [
    KeyRoute("/object/upload/sign/{bucket}/{key:path}", sign_upload, methods=["POST"]),
    KeyRoute("/object/sign/{bucket}/{key:path}", sign_download, methods=["POST"]),
    KeyRoute("/object/sign/{bucket}", sign_downloads, methods=["POST"]),
]
