import itertools
import json
import os
import uuid
from hashlib import sha256
from pathlib import Path

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

KEY = "hidden-but-long-enough"
USER = "6f1c1f0e-5f0a-4c3b-9c53-0d4a3c0c7a11"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("SUPABASE_", "MAQUETTE_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_the_environment_of_others_is_not_ours(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("HOST", "192.0.2.1")
    monkeypatch.setenv("PORT", "1")
    settings = read_settings()
    assert settings.home == Path("/home/somebody/.maquette")
    assert (settings.host, settings.port) == ("127.0.0.1", 8400)


def test_where_models_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path))
    assert read_settings().models_folder == tmp_path / "models"
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", "")
    assert read_settings().models_folder == tmp_path / "models"
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path / "disk"))
    monkeypatch.setenv("MAQUETTE_TRUST_MODEL_CODE", "difix-ref, zero123plus")
    settings = read_settings()
    assert settings.models_folder == tmp_path / "disk"
    assert settings.trust_model_code == ("difix-ref", "zero123plus")
    assert settings.allow_noncommercial_models is False


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


@pytest.mark.parametrize(
    "names", [names for size in (1, 2, 3) for names in itertools.combinations(SUPABASE, size)], ids="+".join
)
@pytest.mark.parametrize("beside", [None, "SUPABASE_JWT_SECRET", "MAQUETTE_JWT_ISSUER"])
def test_every_part_of_a_supabase_configuration_is_a_half(monkeypatch, names, beside):
    for name in names:
        monkeypatch.setenv(name, SUPABASE[name])
    if beside:
        monkeypatch.setenv(beside, "hidden")
    with pytest.raises(HalfSupabaseConfigurationError) as refused:
        read_settings()
    assert set(refused.value.details["missing"]) == set(SUPABASE) - set(names)
    assert set(refused.value.details["present"]) == {*names, *([beside] if beside else [])}
    assert "hidden" not in str(refused.value.as_dict())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql:postgres:hidden@127.0.0.1/postgres"),
        ("DATABASE_URL", "postgresql://postgres:hidden%word@127.0.0.1/postgres"),
        ("DATABASE_URL", "psql postgresql://postgres:hidden@127.0.0.1/postgres"),
        ("SUPABASE_URL", "hidden.supabase.co"),
        ("SUPABASE_URL", "ftp://hidden.supabase.co"),
        ("SUPABASE_URL", "http://[hidden"),
    ],
)
def test_an_address_that_cannot_be_read_is_named_and_not_shown(monkeypatch, name, value):
    for each, good in SUPABASE.items():
        monkeypatch.setenv(each, good)
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettingError, match=f"{name}: it is no ") as refused:
        read_settings()
    assert "hidden" not in str(refused.value.as_dict())


@pytest.mark.parametrize("name", ["SUPABASE_JWT_SECRET", "MAQUETTE_JWT_ISSUER"])
def test_what_only_goes_with_supabase_is_half_a_configuration_alone(monkeypatch, name):
    monkeypatch.setenv(name, "hidden")
    with pytest.raises(HalfSupabaseConfigurationError) as refused:
        read_settings()
    assert name in refused.value.message and "hidden" not in str(refused.value.as_dict())


@pytest.mark.parametrize("entry", [KEY, f"sha256:{'0' * 64}", f"{USER}:{KEY},{KEY}"])
def test_beside_supabase_a_key_without_a_user_is_refused(monkeypatch, entry):
    for name, value in SUPABASE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAQUETTE_API_KEYS", entry)
    with pytest.raises(BadSettingError, match="names no user") as refused:
        read_settings()
    assert "USER_UUID:KEY" in refused.value.suggestion
    assert KEY not in str(refused.value.as_dict())


def test_beside_supabase_a_key_names_its_user(monkeypatch):
    for name, value in SUPABASE.items():
        monkeypatch.setenv(name, value)
    digest = sha256(KEY.encode()).hexdigest()
    monkeypatch.setenv("MAQUETTE_API_KEYS", f"{USER}:{KEY}, {USER}:sha256:{digest.upper()}")
    first, second = read_settings().api_keys
    assert first == second
    assert (first.sha256, first.owner) == (digest, uuid.UUID(USER))


def test_on_the_embedded_stack_a_key_names_nobody(monkeypatch):
    monkeypatch.setenv("MAQUETTE_API_KEYS", f"{USER}:{KEY}")
    with pytest.raises(BadSettingError, match="one local owner"):
        read_settings()


@pytest.mark.parametrize(
    "entry",
    [
        "hidden",
        "hidden-15-chars",
        f"{USER}:hidden",
        "sha256:hidden",
        "sha256:",
        "hidden with spaces in",
        "hiddën-€-long-enough",
    ],
)
def test_keys_that_could_be_guessed_or_not_be_sent_are_refused(monkeypatch, entry):
    monkeypatch.setenv("MAQUETTE_API_KEYS", f"{KEY},{entry}")
    with pytest.raises(BadSettingError, match="MAQUETTE_API_KEYS") as refused:
        read_settings()
    assert "hidd" not in str(refused.value.as_dict())


@pytest.mark.parametrize(
    ("origins", "known"),
    [
        ("https://app.example.org", ("https://app.example.org",)),
        ("http://localhost:5173, https://App.Example.org/", ("http://localhost:5173", "https://app.example.org")),
        ("https://app.example.org:443,http://[::1]:80", ("https://app.example.org", "http://[::1]")),
        ("", ()),
    ],
)
def test_origins_are_as_browsers_send_them(monkeypatch, origins, known):
    monkeypatch.setenv("MAQUETTE_CORS_ORIGINS", origins)
    assert read_settings().cors_origins == known


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example.org",
        "https://",
        "https://*.example.org",
        "https://x.org/page",
        "ftp://x.org",
        "https://user:hidden@x.org",
        "https://x.org:port",
        "https://x.org?q",
        "https://[::1",
    ],
)
def test_what_is_no_exact_origin_is_refused(monkeypatch, origin):
    monkeypatch.setenv("MAQUETTE_CORS_ORIGINS", f"https://good.example.org,{origin}")
    with pytest.raises(BadSettingError, match="MAQUETTE_CORS_ORIGINS") as refused:
        read_settings()
    assert "hidden" not in str(refused.value.as_dict())


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("SUPABASE_URL", "")
    assert read_settings().embedded


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_the_network_is_not_answered_without_keys(monkeypatch, host):
    monkeypatch.setenv("MAQUETTE_HOST", host)
    with pytest.raises(ApiKeysNeededError):
        read_settings()
    monkeypatch.setenv("MAQUETTE_API_KEYS", "one-of-two-good-keys, the-other-of-the-two,")
    assert len(read_settings().api_keys) == 2


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


LIMITS = {
    "min_photos": (3, "2"),
    "max_photos": (200, "2"),
    "max_file_mb": (500, "2148"),
    "max_upload_mb": (2048, "0"),
    "max_project_mb": (50_000, "-1"),
    "max_megapixels": (100, "1001"),
    "max_gaussians": (5_000_000, "5000001"),
    "max_runs_per_owner": (200, "0"),
    "max_running_per_owner": (0, "-1"),
    "max_stored_mb_per_owner": (0, "many"),
    "disk_floor_mb": (2000, "1.5"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_has_a_default_and_bounds(monkeypatch, name):
    default, beyond = LIMITS[name]
    variable = f"MAQUETTE_{name.upper()}"
    assert getattr(read_settings(), name) == default
    monkeypatch.setenv(variable, "150")
    assert getattr(read_settings(), name) == 150
    monkeypatch.setenv(variable, beyond)
    with pytest.raises(BadSettingError, match=variable):
        read_settings()


def test_no_more_photos_are_needed_than_a_project_may_hold(monkeypatch):
    monkeypatch.setenv("MAQUETTE_MIN_PHOTOS", "20")
    monkeypatch.setenv("MAQUETTE_MAX_PHOTOS", "10")
    with pytest.raises(BadSettingError) as refused:
        read_settings()
    assert "20" in refused.value.message and "MAQUETTE_MIN_PHOTOS" in refused.value.suggestion


def test_no_secret_in_repr(monkeypatch):
    for name, value in SUPABASE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAQUETTE_API_KEYS", f"{USER}:{KEY}")
    settings = read_settings()
    assert KEY not in repr(settings)
    assert sha256(KEY.encode()).hexdigest() not in repr(settings)
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(resolve_connections(settings))


def test_nothing_runs_on_an_empty_home(tmp_path):
    with pytest.raises(StackNotRunningError) as refused:
        resolve_connections(Settings(home=tmp_path))
    assert str(tmp_path) in refused.value.message and "maquette serve" in refused.value.suggestion


def test_a_stack_file_that_outlived_its_server_is_not_believed(tmp_path):
    path = stack_file(tmp_path)
    path.parent.mkdir()
    left = Connections("postgresql://x", "http://127.0.0.1:1", "s", "p", "j", embedded=True)
    path.write_text(json.dumps({name: value for name, value in vars(left).items() if name != "embedded"}))
    (tmp_path / "run" / "lock").touch()
    with pytest.raises(StackNotRunningError):
        resolve_connections(Settings(home=tmp_path))
