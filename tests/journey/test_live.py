"""Following a project as a page does: the session's address and token, an unmodified Realtime client, no polling."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
from supabase import AsyncClientOptions, acreate_client

from tests.journey.test_main_job import SMALL, send_photos
from tests.serving import Server


async def test_a_page_sees_every_event_of_a_generate_without_asking(server: Server, photos: list[Path]) -> None:
    with server.client() as client:
        project_id = (await asyncio.to_thread(send_photos, client, photos)).json()["project_id"]
        session = (await asyncio.to_thread(client.get, "/session")).json()
        options = AsyncClientOptions(httpx_client=httpx.AsyncClient(trust_env=False))
        page = await acreate_client(session["supabase_url"], session["publishable_key"], options)
        await page.realtime.set_auth(session["access_token"])
        told: list[dict[str, Any]] = []
        subscribed, over = asyncio.Event(), asyncio.Event()

        def on_event(change: dict[str, Any]) -> None:
            told.append(change["data"]["record"])
            if told[-1]["type"] in ("complete", "error"):
                over.set()

        channel = page.channel("follow")
        channel.on_postgres_changes(
            "INSERT", schema="public", table="events", filter=f"project_id=eq.{project_id}", callback=on_event
        )
        await channel.subscribe(lambda status, _: subscribed.set() if str(status).endswith("SUBSCRIBED") else None)
        await asyncio.wait_for(subscribed.wait(), 20)
        before = (await asyncio.to_thread(client.get, f"/projects/{project_id}")).json()
        known = (await asyncio.to_thread(client.get, f"/status/{project_id}")).json()["event_seq"]
        assert before["status"] == "uploaded"
        # Long enough for several beats of a second: what passes between two of them no event tells of.
        await asyncio.to_thread(client.post, f"/generate/{project_id}", json={**SMALL, "iterations": 1500})
        await asyncio.wait_for(over.wait(), 240)
        await page.remove_all_channels()
        await page.realtime.close()
        await options.httpx_client.aclose()
        history = (await asyncio.to_thread(client.get, f"/projects/{project_id}/events?after={known}")).json()["items"]
    assert [event["seq"] for event in told] == [event["seq"] for event in history]
    assert told[-1]["type"] == "complete", told[-1]
    stages = {event["payload"].get("stage") for event in told}
    assert "training" in stages
    shown = [event["payload"]["progress_percentage"] for event in told if event["type"] == "progress"]
    assert shown == sorted(shown)
