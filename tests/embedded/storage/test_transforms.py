"""Resized images are not offered, and nobody gets the original in their place."""

import pytest
from tests.embedded.storage.wire import BUCKET, PNG, folder, refused

NOT_OFFERED = (409, "FeatureNotEnabled", "FeatureNotEnabled")


@pytest.mark.parametrize("kind", ["authenticated", "public", "sign"])
async def test_resized_images_are_not_offered(call, kind):
    refused(await call("GET", f"/render/image/{kind}/{BUCKET}/x.png?width=10"), *NOT_OFFERED)


async def test_no_address_is_signed_for_a_resized_image(bucket, call):
    key = f"{folder()}/x.png"
    await bucket.upload(key, PNG, {"content-type": "image/png"})
    body = {"expiresIn": 60, "transform": {"width": 10}}
    refused(await call("POST", f"/object/sign/{BUCKET}/{key}", json=body), *NOT_OFFERED)
    # supabase-js sends an empty one where nobody asked.
    assert (await call("POST", f"/object/sign/{BUCKET}/{key}", json={**body, "transform": {}})).status_code == 200
