import json
import os

import pytest

from maquette.settings import (
    ApiKeysNeededError,
    BadSettingError,
    Connections,
    HalfSupabaseConfigurationError,
    Settings,
    StackNotRunningError,
    read_settings,
    resolve_connections,
    stack_file,
)

SUPABASE = {
    "SUPABASE_URL": "https://ref.supabase.co/",
    "SUPABASE_SECRET_KEY": "sb_secret_hidden",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_hidden",
    "DATABASE_URL": "postgresql://postgres:hidden@db.ref.supabase.co:5432/postgres",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("SUPABASE_", "MAQUETTE_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_embedded_is_the_default():
    settings = read_settings()
    assert settings.embedded
    assert settings.server_url == "http://127.0.0.1:8400"
    assert settings.home.is_absolute()


def test_a_whole_supabase_configuration_is_taken(monkeypatch):
    for name, value in SUPABASE.items():
        monkeypatch.setenv(name, value)
    connections = resolve_connections(read_settings())
    assert not connections.embedded
    assert connections.supabase_url == "https://ref.supabase.co"
    assert connections.secret_key == "sb_secret_hidden"
    assert connections.jwt_secret is None


def test_older_key_names_are_accepted(monkeypatch):
    monkeypatch.setenv("SUPABASE_URL", "https://ref.supabase.co")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "service")
    monkeypatch.setenv("SUPABASE_ANON_KEY", "anon")
    monkeypatch.setenv("DATABASE_URL", SUPABASE["DATABASE_URL"])
    connections = resolve_connections(read_settings())
    assert (connections.secret_key, connections.publishable_key) == ("service", "anon")


@pytest.mark.parametrize("left_out", SUPABASE)
def test_half_a_supabase_configuration_names_what_is_missing(monkeypatch, left_out):
    for name, value in SUPABASE.items():
        if name != left_out:
            monkeypatch.setenv(name, value)
    with pytest.raises(HalfSupabaseConfigurationError) as refused:
        read_settings()
    assert refused.value.code == "half_supabase_configuration"
    assert refused.value.details["missing"] == [left_out]
    assert left_out in refused.value.message
    assert "hidden" not in str(refused.value.as_dict())


def test_a_jwt_secret_alone_is_half_a_configuration(monkeypatch):
    monkeypatch.setenv("SUPABASE_JWT_SECRET", "hidden")
    with pytest.raises(HalfSupabaseConfigurationError):
        read_settings()


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("SUPABASE_URL", "")
    assert read_settings().embedded


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_the_network_is_not_answered_without_keys(monkeypatch, host):
    monkeypatch.setenv("MAQUETTE_HOST", host)
    with pytest.raises(ApiKeysNeededError):
        read_settings()
    monkeypatch.setenv("MAQUETTE_API_KEYS", "one, two,")
    assert [key.get_secret_value() for key in read_settings().api_keys] == ["one", "two"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_keys(monkeypatch, host):
    monkeypatch.setenv("MAQUETTE_HOST", host)
    assert read_settings().host == host


def test_a_bad_value_is_named_and_not_shown(monkeypatch):
    monkeypatch.setenv("MAQUETTE_PORT", "s3cret")
    with pytest.raises(BadSettingError) as refused:
        read_settings()
    assert "MAQUETTE_PORT" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_no_secret_in_repr(monkeypatch):
    for name, value in SUPABASE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAQUETTE_API_KEYS", "hidden")
    settings = read_settings()
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(resolve_connections(settings))


def test_nothing_runs_on_an_empty_home(tmp_path):
    with pytest.raises(StackNotRunningError) as refused:
        resolve_connections(Settings(home=tmp_path))
    assert "maquette serve" in refused.value.suggestion


def test_a_stack_file_that_outlived_its_server_is_not_believed(tmp_path):
    path = stack_file(tmp_path)
    path.parent.mkdir()
    left = Connections("postgresql://x", "http://127.0.0.1:1", "s", "p", "j", embedded=True)
    path.write_text(json.dumps({name: value for name, value in vars(left).items() if name != "embedded"}))
    (tmp_path / "run" / "lock").touch()
    with pytest.raises(StackNotRunningError):
        resolve_connections(Settings(home=tmp_path))
