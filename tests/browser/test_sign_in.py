"""Signing in, with a password, a link from a mail or a key; and that nobody else gets in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from maquette.api.app import create_app
from maquette.embedded.stack import EmbeddedStack
from maquette.machine_keys import make_key, read_entry
from maquette.settings import Connections, Settings
from tests.api.supabase import LEGACY_SECRET, LittleSupabase
from tests.browser.accessible import faults
from tests.browser.signing import SignIn
from tests.conftest import serve_app
from tests.ports import free_port

KEY = make_key()


@pytest.fixture(scope="module")
def little(storage: Connections) -> Iterator[LittleSupabase]:
    little = LittleSupabase()
    little.storage = storage.supabase_url
    with little.serving():
        yield little


@pytest.fixture(scope="module")
def hosted(stack: EmbeddedStack, storage: Connections, little: LittleSupabase) -> Iterator[str]:
    """The address of an API beside Supabase."""
    beside = replace(storage, supabase_url=little.url, jwt_secret=LEGACY_SECRET, embedded=False)
    settings = Settings(home=stack.home, port=free_port(), database_url=None)
    with serve_app(create_app(settings, beside), settings.port):
        yield settings.server_url


@pytest.fixture(scope="module")
def browser_context_args(hosted: str) -> dict[str, Any]:
    return {"base_url": hosted, "viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture
def sign_in(little: LittleSupabase, stack: EmbeddedStack, hosted: str) -> SignIn:
    """Ada and Grace have accounts, and a project each."""
    known = SignIn(little)
    with psycopg.connect(stack.connections.database_url, autocommit=True) as conn:
        for name in ("ada", "grace"):
            user, email = uuid.uuid4(), f"{name}-{uuid.uuid4().hex}@example.org"
            conn.execute("insert into auth.users (id, email) values (%s, %s)", [user, email])
            known.know(f"{name}@example.org", f"{name}'s password", user)
            headers = {"Authorization": f"Bearer {known.token(user, email)}"}
            body = {"name": f"Of {name}"}
            made = httpx.post(f"{hosted}/api/v1/projects", json=body, headers=headers, trust_env=False)
            known.projects[name] = made.raise_for_status().json()["id"]
    return known


def test_a_password_opens_ones_own_projects_and_no_others(page: Page, sign_in: SignIn) -> None:
    sign_in.answer(page.context)
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("grace's password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The e-mail address and the password do not fit together.")
    assert faults(page) == []
    page.get_by_label("Password").fill("ada's password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Of ada")).to_be_visible()
    expect(page.get_by_text("Of grace")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("link", name="Of ada")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Of ada")).to_have_count(0)


def test_a_link_opens_the_browser_that_asked_for_it(page: Page, new_page: Callable[..., Page], sign_in: SignIn) -> None:
    other = new_page()
    for one in (page, other):
        sign_in.answer(one.context)
    page.goto(f"/projects/{sign_in.projects['grace']}")
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_role("button", name="Send me a link instead").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    [link] = sign_in.mailed
    other.goto(link)
    expect(other.get_by_role("alert")).to_contain_text("This link was used already, or belongs to another browser.")
    page.goto(link)
    expect(page.get_by_role("heading", name="Of grace")).to_be_visible()
    page.goto(f"/projects/{sign_in.projects['ada']}")
    expect(page.get_by_role("heading", name="There is no page at this address")).to_be_visible()


def test_a_key_opens_a_server_that_asks_for_one(page: Page, stack: EmbeddedStack, storage: Connections) -> None:
    settings = Settings(home=stack.home, port=free_port(), database_url=None)
    keyed = settings.model_copy(update={"api_keys": (read_entry(KEY),)})
    with serve_app(create_app(keyed, storage), keyed.port):
        httpx.post(
            f"{keyed.server_url}/api/v1/projects",
            json={"name": "Behind a key"},
            headers={"Authorization": f"Bearer {KEY}"},
            trust_env=False,
        ).raise_for_status()
        page.goto(keyed.server_url)
        page.get_by_label("Key", exact=True).fill(make_key())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert faults(page) == []
        page.get_by_label("Key", exact=True).fill(KEY)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Behind a key").first).to_be_visible()
        page.goto("about:blank")
