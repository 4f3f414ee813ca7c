"""The compose files: hardened, without secrets, and in step with the Dockerfile. Their schema is checked by
`check-jsonschema --builtin-schema vendor.compose-spec`, a tool that not everybody has."""

import re

import pytest
import yaml
from tests.containers.dockerfile import IMAGES, ROOT

from maquette.settings import Settings

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
NAMES = {str(alias) for f in Settings.model_fields.values() for alias in getattr(f.validation_alias, "choices", [])}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_sealed(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]
    assert "user" not in service, "the image's own"
    for volume in service.get("volumes", []):
        target = volume["target"] if isinstance(volume, dict) else volume.rpartition(":")[2]
        assert target == "/data"
        assert not isinstance(volume, str) or volume.partition(":")[0] in COMPOSE["volumes"], "no folder of the host"
    for port in service.get("ports", []):
        assert re.match(r"\$\{MAQUETTE_PUBLISH:-127\.0\.0\.1:", port), "others reach it only when somebody says so"


def test_profiles_start_what_belongs_together():
    by_profile = {}
    for name, service in SERVICES.items():
        [profile] = service["profiles"]
        by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {
        "embedded": {"maquette"},
        "supabase": {"migrate", "api", "worker"},
        "cuda": {"worker-cuda"},
    }
    for profile, names in by_profile.items():
        for name in names:
            # One of a profile that was not asked for would be unknown.
            assert set(SERVICES[name].get("depends_on", {})) <= names, profile


def test_images_are_those_of_the_dockerfile():
    built = {service["build"]["target"] for service in SERVICES.values()}
    assert built == set(IMAGES)
    for service in SERVICES.values():
        assert service["image"] == f"maquette:{service['build']['target']}"
        assert service.get("command", ["maquette"])[0] == "maquette"
    assert SERVICES["migrate"]["restart"] == "no"


def test_the_gpu_is_reserved_for_the_one_that_uses_it():
    with_devices = [
        name
        for name, service in SERVICES.items()
        if service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
    ]
    assert with_devices == ["worker-cuda"]


def test_secrets_come_from_one_file_that_is_kept_out():
    for service in SERVICES.values():
        assert "environment" not in service
        assert [entry["path"] for entry in service["env_file"]] == ["maquette.env"]
    assert "maquette.env" in (ROOT / ".gitignore").read_text().split()
    example = (ROOT / "maquette.env.example").read_text()
    entries = dict(re.findall(r"(?m)^#?([A-Z_]+)=(.*)$", example))
    assert set(entries) <= NAMES
    assert {"SUPABASE_URL", "SUPABASE_SECRET_KEY", "SUPABASE_PUBLISHABLE_KEY", "DATABASE_URL"} <= set(entries)
    assert not re.search(r"(?m)^[A-Z]", example), "nothing is set by copying it"


def test_beside_self_hosted_only_networks_are_added():
    over = yaml.safe_load((ROOT / "compose.selfhosted.yaml").read_text())
    assert over["services"].keys() == SERVICES.keys() - {"maquette"}
    for service in over["services"].values():
        assert service == {"networks": ["default", "supabase"]}
    assert over["networks"]["supabase"]["external"] is True
