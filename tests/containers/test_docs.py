"""What docs/containers.md and docs/supabase.md say can be typed, is there. tools/images runs it."""

import re

import pytest
import typer
import yaml
from tests.containers.dockerfile import IMAGES, ROOT

from maquette.cli import app
from maquette.settings import Settings

DOCS = [ROOT / "docs" / f"{name}.md" for name in ("containers", "supabase")]
KNOWN = {str(alias) for f in Settings.model_fields.values() for alias in getattr(f.validation_alias, "choices", [])}
COMPOSE = (ROOT / "compose.yaml").read_text() + (ROOT / "compose.selfhosted.yaml").read_text()


def commands(doc):
    """Lines of the sh blocks, comments gone."""
    for block in re.findall(r"```sh\n(.*?)```", doc.read_text(), re.DOTALL):
        for line in block.splitlines():
            yield from (part for part in re.split(r"[;|]|&&|\$\(|\)", line.partition(" # ")[0]) if part.strip())


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.stem)
def test_our_commands_and_their_options_exist(doc):
    seen = 0
    for line in commands(doc):
        words = line.split()
        for place, word in enumerate(words):
            if word not in ("maquette", ".venv/bin/maquette") or "psql" in words:
                continue
            found, rest = typer.main.get_command(app), words[place + 1 :]
            while getattr(found, "commands", None) and rest:
                assert rest[0] in found.commands, line
                found, rest = found.commands[rest[0]], rest[1:]
            options = {option for parameter in found.params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--") and "curl" not in line} <= options, line
            seen += 1
    assert seen >= 2


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.stem)
def test_files_settings_profiles_and_images_exist(doc):
    text = doc.read_text()
    for path in re.findall(r"`((?:docs|tests|tools)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    for name in set(re.findall(r"\b(?:MAQUETTE|SUPABASE|DATABASE)_[A-Z_]*[A-Z]\b", text)):
        # Of compose, or of Supabase's own files.
        theirs = ("SUPABASE_PUBLIC_URL",)
        assert name in KNOWN or f"${{{name}" in COMPOSE or name in theirs or name == "MAQUETTE_SERVER", name
    profiles = {
        profile
        for service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
        for profile in service["profiles"]
    }
    assert set(re.findall(r"--profile (\w+)", text)) <= profiles
    assert set(re.findall(r"--scale (\w+)=", text)) <= {"worker", "api"}


def test_each_image_is_told_of():
    text = DOCS[0].read_text()
    assert set(re.findall(r"(?m)^\| `([\w-]+)` \| `maquette|^\| `([\w-]+)` \| the same", text)) == {
        ("all", ""),
        ("api", ""),
        ("worker-cpu", ""),
        ("", "worker-cuda"),
    }
    assert all(f"`{image}`" in text for image in IMAGES)
