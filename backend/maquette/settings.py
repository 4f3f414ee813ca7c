"""What the environment says, read once at the start and passed down, and where the database and storage are."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from maquette.errors import MaquetteError, UnavailableError
from maquette.machine_keys import MachineKey, read_entry


class BadSettingError(MaquetteError):
    """An environment variable holds something that cannot be used."""

    code = "bad_setting"


class HalfSupabaseConfigurationError(MaquetteError):
    """Some of the Supabase variables are set and some are not."""

    code = "half_supabase_configuration"


class ApiKeysNeededError(MaquetteError):
    """The embedded stack would answer the network without any key."""

    code = "api_keys_needed"


class StackNotRunningError(UnavailableError):
    """Nothing runs on this home that could be connected to."""

    code = "stack_not_running"


def _from_env(*names: str, default: Any = ...) -> Any:
    return Field(default, validation_alias=AliasChoices(*names))


Command = Annotated[tuple[str, ...], NoDecode]
"""A program and its arguments. It is started as it is, without a shell."""


class Settings(BaseSettings):
    """Every setting with its default; names in the environment stand beside each."""

    # With populate_by_name the environment is asked for the fields' own names too: without the prefix HOME would be
    # the home, and HOST and PORT of whatever runs us ours.
    model_config = SettingsConfigDict(
        populate_by_name=True, env_prefix="MAQUETTE_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path = _from_env("MAQUETTE_HOME", default=Path("~/.maquette"))
    host: str = _from_env("MAQUETTE_HOST", default="127.0.0.1")
    port: int = Field(8400, validation_alias=AliasChoices("MAQUETTE_PORT"), ge=1, le=65535)
    api_keys: Annotated[tuple[MachineKey, ...], NoDecode] = _from_env("MAQUETTE_API_KEYS", default=())
    cors_origins: Annotated[tuple[str, ...], NoDecode] = _from_env("MAQUETTE_CORS_ORIGINS", default=())
    # Sites that may show shared models in a frame; * for any. The rest of the page never stands in one.
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = _from_env("MAQUETTE_FRAME_ANCESTORS", default=())
    # Hosts of private networks that webhooks may lead to all the same, by http too.
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = _from_env("MAQUETTE_WEBHOOK_HOSTS", default=())
    web_dir: Path | None = _from_env("MAQUETTE_WEB_DIR", default=None)

    supabase_url: str | None = _from_env("SUPABASE_URL", default=None)
    secret_key: SecretStr | None = _from_env("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", default=None)
    publishable_key: SecretStr | None = _from_env("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY", default=None)
    jwt_secret: SecretStr | None = _from_env("SUPABASE_JWT_SECRET", default=None)
    jwt_issuer: str | None = _from_env("MAQUETTE_JWT_ISSUER", default=None)
    database_url: SecretStr | None = _from_env("DATABASE_URL", default=None)

    # Limits: GET /health shows them all. An MB is 1,000,000 bytes, and 0 means no limit where 0 is allowed.
    # Photos that a generate needs and that a project may hold.
    min_photos: int = Field(3, validation_alias=AliasChoices("MAQUETTE_MIN_PHOTOS"), ge=3, le=1000)
    max_photos: int = Field(200, validation_alias=AliasChoices("MAQUETTE_MAX_PHOTOS"), ge=3, le=10_000)
    # One file (the bucket's own limit is 2 GiB), one request, all stored objects of a project.
    max_file_mb: int = Field(500, validation_alias=AliasChoices("MAQUETTE_MAX_FILE_MB"), ge=1, le=2147)
    max_upload_mb: int = Field(2048, validation_alias=AliasChoices("MAQUETTE_MAX_UPLOAD_MB"), ge=1)
    max_project_mb: int = Field(50_000, validation_alias=AliasChoices("MAQUETTE_MAX_PROJECT_MB"), ge=0)
    # Width times height that a photo's header may announce, in millions; nothing larger is ever decoded.
    max_megapixels: int = Field(100, validation_alias=AliasChoices("MAQUETTE_MAX_MEGAPIXELS"), ge=1, le=1000)
    # Of one model. A call for more is refused; a preset's number beyond it is lowered, with a warning.
    max_gaussians: int = Field(5_000_000, validation_alias=AliasChoices("MAQUETTE_MAX_GAUSSIANS"), ge=100, le=5_000_000)
    # Runs of one owner that wait or are at work; those that may be at work at the same moment.
    max_runs_per_owner: int = Field(200, validation_alias=AliasChoices("MAQUETTE_MAX_RUNS_PER_OWNER"), ge=1)
    max_running_per_owner: int = Field(0, validation_alias=AliasChoices("MAQUETTE_MAX_RUNNING_PER_OWNER"), ge=0)
    # Calls of one owner, and of one address. None: 10 and 50 where callers show credentials, else no limit; 0: none.
    uploads_per_minute: int | None = Field(
        None, validation_alias=AliasChoices("MAQUETTE_UPLOADS_PER_MINUTE"), ge=0, le=1000
    )
    generates_per_hour: int | None = Field(
        None, validation_alias=AliasChoices("MAQUETTE_GENERATES_PER_HOUR"), ge=0, le=1000
    )
    # All stored objects of one owner.
    max_stored_mb_per_owner: int = Field(0, validation_alias=AliasChoices("MAQUETTE_MAX_STORED_MB_PER_OWNER"), ge=0)
    # With less free on the disk of MAQUETTE_HOME nothing new begins; what runs has the rest to finish in.
    disk_floor_mb: int = Field(2000, validation_alias=AliasChoices("MAQUETTE_DISK_FLOOR_MB"), ge=0)
    # Waits before another attempt are multiplied by it.
    retry_wait_factor: float = Field(1.0, validation_alias=AliasChoices("MAQUETTE_RETRY_WAIT_FACTOR"), ge=0)
    # How often unfinished training goes to the bucket, for another machine to go on from; 0: never.
    save_work_every_s: float = Field(120.0, validation_alias=AliasChoices("MAQUETTE_SAVE_WORK_EVERY_S"), ge=0)
    # How long a worker keeps what a failed or cancelled run left, for a retry to go on from.
    keep_work_hours: float = Field(24.0, validation_alias=AliasChoices("MAQUETTE_KEEP_WORK_HOURS"), ge=0)
    storage_timeout_s: float = Field(120.0, validation_alias=AliasChoices("MAQUETTE_STORAGE_TIMEOUT_S"), gt=0)
    # What all processes of one step may use; 0: three quarters of this machine's, shared by the steps at once.
    step_memory_mb: int = Field(0, validation_alias=AliasChoices("MAQUETTE_STEP_MEMORY_MB"), ge=0)
    # A step is ended that says and does nothing for so long, or says nothing for so long whatever it does; 0: never.
    step_silence_s: float = Field(300.0, validation_alias=AliasChoices("MAQUETTE_STEP_SILENCE_S"), ge=0)
    step_timeout_s: float = Field(7200.0, validation_alias=AliasChoices("MAQUETTE_STEP_TIMEOUT_S"), ge=0)
    signed_url_s: int = Field(3600, validation_alias=AliasChoices("MAQUETTE_SIGNED_URL_S"), ge=1)
    render_max_side: int = Field(2048, validation_alias=AliasChoices("MAQUETTE_RENDER_MAX_SIDE"), ge=64, le=8192)
    render_cache_mb: int = Field(2048, validation_alias=AliasChoices("MAQUETTE_RENDER_CACHE_MB"), ge=1)
    render_memory_mb: int = Field(4096, validation_alias=AliasChoices("MAQUETTE_RENDER_MEMORY_MB"), ge=0)
    # Days without a change after which a project, or its intermediates alone, are removed; 0: never.
    retention_days: int = Field(0, validation_alias=AliasChoices("MAQUETTE_RETENTION_DAYS"), ge=0, le=36500)
    intermediate_days: int = Field(0, validation_alias=AliasChoices("MAQUETTE_INTERMEDIATE_DAYS"), ge=0, le=36500)
    models_dir: Path | None = _from_env("MAQUETTE_MODELS_DIR", default=None)
    allow_noncommercial_models: bool = _from_env("MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS", default=False)
    trust_model_code: Annotated[tuple[str, ...], NoDecode] = _from_env("MAQUETTE_TRUST_MODEL_CODE", default=())
    # Programs besides ours that a stage may be done by, all off until they are named here (docs/engines.md).
    engine_command: Command = _from_env("MAQUETTE_ENGINE_COMMAND", default=())
    gs_3dgs_docker_image: str | None = _from_env("GS_3DGS_DOCKER_IMAGE", default=None)
    gs_3dgs_docker_command: Command = _from_env("GS_3DGS_DOCKER_COMMAND", default=())
    gs_3dgs_docker_gpus: str | None = _from_env("GS_3DGS_DOCKER_GPUS", default=None)
    gs_3dgs_docker_user: str | None = _from_env("GS_3DGS_DOCKER_USER", default=None)
    gs_lm_enable: bool = _from_env("GS_LM_ENABLE", default=False)
    gs_lm_command: Command = _from_env("GS_LM_COMMAND", default=())
    reconviagen_command: Command = _from_env("RECONVIAGEN_COMMAND", default=())
    nvdiffrec_command: Command = _from_env("NVDIFFREC_COMMAND", default=())
    fcgs_command: Command = _from_env("FCGS_COMMAND", default=())
    hacpp_command: Command = _from_env("HACPP_COMMAND", default=())
    # What one call of an engine may take: seconds in all, seconds without a word, MB of memory (of a step where it is
    # 0), MB of files.
    engine_timeout_s: float = Field(7200.0, validation_alias=AliasChoices("MAQUETTE_ENGINE_TIMEOUT_S"), ge=0)
    engine_silence_s: float = Field(300.0, validation_alias=AliasChoices("MAQUETTE_ENGINE_SILENCE_S"), ge=0)
    engine_memory_mb: int = Field(0, validation_alias=AliasChoices("MAQUETTE_ENGINE_MEMORY_MB"), ge=0)
    engine_output_mb: int = Field(8000, validation_alias=AliasChoices("MAQUETTE_ENGINE_OUTPUT_MB"), ge=1)
    # Names of further variables of our environment that engines are given.
    engine_env: Annotated[tuple[str, ...], NoDecode] = _from_env("MAQUETTE_ENGINE_ENV", default=())
    log_level: Literal["debug", "info", "warning", "error"] = _from_env("MAQUETTE_LOG_LEVEL", default="info")
    log_format: Literal["text", "json"] = _from_env("MAQUETTE_LOG_FORMAT", default="text")
    # Opens GET /metrics to whoever sends it as a bearer, and nothing else.
    metrics_token: SecretStr | None = _from_env("MAQUETTE_METRICS_TOKEN", default=None)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("models_dir", "web_dir", mode="before")
    @classmethod
    def _absolute_if_set(cls, folder: object) -> object:
        if isinstance(folder, str) and not folder.strip():
            return None
        return Path(folder).expanduser().absolute() if isinstance(folder, str | Path) else folder

    @field_validator("trust_model_code", "webhook_hosts", "engine_env", mode="before")
    @classmethod
    def _names(cls, names: object) -> object:
        return tuple(_listed(names)) if isinstance(names, str) else names

    @field_validator(
        "engine_command",
        "gs_3dgs_docker_command",
        "gs_lm_command",
        "reconviagen_command",
        "nvdiffrec_command",
        "fcgs_command",
        "hacpp_command",
        mode="before",
    )
    @classmethod
    def _words(cls, command: object) -> object:
        return _command(command) if isinstance(command, str) else command

    @field_validator("api_keys", mode="before")
    @classmethod
    def _hash_keys(cls, keys: object) -> object:
        # At once, so that no key stays in memory for a dump or a trace to show.
        return tuple(map(read_entry, _listed(keys))) if isinstance(keys, str) else keys

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _exact_origins(cls, origins: object) -> object:
        return tuple(map(_origin, _listed(origins))) if isinstance(origins, str) else origins

    @field_validator("frame_ancestors", mode="before")
    @classmethod
    def _framing_sites(cls, sites: object) -> object:
        # Nothing on a shared page acts for anybody, so here any site may be let in.
        if not isinstance(sites, str):
            return sites
        return tuple(site if site == "*" else _origin(site) for site in _listed(sites))

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, word: object) -> object:
        return word.lower() if isinstance(word, str) else word

    @field_validator(
        "supabase_url",
        "secret_key",
        "publishable_key",
        "jwt_secret",
        "jwt_issuer",
        "database_url",
        "metrics_token",
        "gs_3dgs_docker_image",
        "gs_3dgs_docker_gpus",
        "gs_3dgs_docker_user",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("supabase_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        try:
            parts = urlsplit(url or "https://none")
            whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            whole = False
        if not whole:
            raise ValueError("it is no address such as https://REF.supabase.co")
        return url

    @field_validator("database_url")
    @classmethod
    def _readable(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict

            try:
                conninfo_to_dict(url.get_secret_value())
            except ProgrammingError:
                # Its text quotes what it could not read, which may be the password.
                raise ValueError(
                    "it is no Postgres address such as postgresql://postgres:PASSWORD@db.REF.supabase.co:5432/postgres,"
                    " where signs like @ / ? # % in the password are written as %40 %2F %3F %23 %25"
                ) from None
        return url

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_SECRET_KEY": self.secret_key,
            "SUPABASE_PUBLISHABLE_KEY": self.publishable_key,
            "DATABASE_URL": self.database_url,
        }
        missing = [name for name, value in needed.items() if value is None]
        present = [name for name, value in needed.items() if value is not None]
        present += [
            name
            for name, value in (("SUPABASE_JWT_SECRET", self.jwt_secret), ("MAQUETTE_JWT_ISSUER", self.jwt_issuer))
            if value is not None
        ]
        if present and missing:
            raise HalfSupabaseConfigurationError(
                f"{' and '.join(present)} {'is' if len(present) == 1 else 'are'} set, but"
                f" {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.",
                suggestion=f"Set {' and '.join(missing)} too to use Supabase, or unset"
                f" {' and '.join(present)} to use the embedded stack.",
                missing=missing,
                present=present,
            )
        self._check_key_owners()
        if self.min_photos > self.max_photos:
            raise BadSettingError(
                f"A generate needs {self.min_photos} photos, but a project may hold only {self.max_photos}.",
                suggestion="Set MAQUETTE_MIN_PHOTOS to at most MAQUETTE_MAX_PHOTOS.",
            )
        if self.embedded and not self.api_keys and not is_loopback(self.host):
            raise ApiKeysNeededError(
                f"MAQUETTE_HOST is {self.host}, which other machines can reach, and there are no API keys.",
                suggestion="Set MAQUETTE_API_KEYS to one or more long random keys, or MAQUETTE_HOST to 127.0.0.1.",
            )
        return self

    def _check_key_owners(self) -> None:
        if not self.embedded and any(key.owner is None for key in self.api_keys):
            raise BadSettingError(
                "An entry of MAQUETTE_API_KEYS names no user, but beside Supabase every project belongs to one.",
                suggestion="Write each entry as USER_UUID:KEY or USER_UUID:sha256:HEX, or make keys with"
                " `maquette keys create --owner EMAIL`.",
            )
        if self.embedded and any(key.owner is not None for key in self.api_keys):
            raise BadSettingError(
                "An entry of MAQUETTE_API_KEYS names a user, but the embedded stack has one local owner.",
                suggestion="Write the key without the UUID before it, or set the Supabase variables too.",
            )

    @property
    def embedded(self) -> bool:
        """Whether the process brings its own Postgres and storage."""
        return self.database_url is None

    @property
    def models_folder(self) -> Path:
        """Where the weights of neural models lie, one folder each."""
        return self.models_dir or self.home / "models"

    @property
    def server_url(self) -> str:
        """Where programs on this machine reach the server."""
        everywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        host = everywhere.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _command(text: str) -> tuple[str, ...]:
    """A JSON list of words, or words with spaces between them, where quotes keep some together."""
    if not text.lstrip().startswith("["):
        return tuple(shlex.split(text))
    words = json.loads(text)
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a command is a list of words")
    return tuple(words)


def _origin(text: str) -> str:
    """The origin as browsers send it; ValueError for anything that is not exactly one."""
    if text == "*":
        raise ValueError("* would let every web site call with its visitors' credentials; name each origin")
    wrong = "an origin is scheme, host and port and nothing else, such as https://app.example.org"
    try:
        parts = urlsplit(text)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        default = {"http": 80, "https": 443}.get(parts.scheme) == parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if not whole or "*" in text or text.lower() not in (origin, f"{origin}/"):
        raise ValueError(wrong)
    # Browsers leave the scheme's own port out.
    return origin.rpartition(":")[0] if default else origin


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings() -> Settings:
    """The environment as settings; :class:`BadSettingError` names what is wrong and never shows a value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"{problem['loc'][0]}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False)
        ]
        raise BadSettingError(
            f"The environment holds settings that cannot be used: {'; '.join(wrong)}.",
            suggestion="Correct these variables or unset them to get the defaults.",
        ) from None


@dataclass(frozen=True)
class Connections:
    """Where the tables and objects are, and the keys to them. Secrets stay out of ``repr``."""

    database_url: str = field(repr=False)
    supabase_url: str
    secret_key: str = field(repr=False)
    publishable_key: str = field(repr=False)
    jwt_secret: str | None = field(repr=False)
    embedded: bool


def lock_file(home: Path) -> Path:
    """Locked for as long as a server runs on this home."""
    return home / "run" / "lock"


def stack_file(home: Path) -> Path:
    """Where a running embedded stack says how to reach it."""
    return home / "run" / "stack.json"


def resolve_connections(settings: Settings) -> Connections:
    """Supabase's as configured, or the running embedded stack's; :class:`StackNotRunningError` where none runs."""
    if settings.database_url and settings.supabase_url and settings.secret_key and settings.publishable_key:
        return Connections(
            database_url=settings.database_url.get_secret_value(),
            supabase_url=settings.supabase_url.rstrip("/"),
            secret_key=settings.secret_key.get_secret_value(),
            publishable_key=settings.publishable_key.get_secret_value(),
            jwt_secret=settings.jwt_secret.get_secret_value() if settings.jwt_secret else None,
            embedded=False,
        )
    path = stack_file(settings.home)
    # The file outlives a server that was killed; the lock does not.
    if not is_locked(lock_file(settings.home)) or not path.exists():
        raise StackNotRunningError(
            f"No Maquette server runs on {settings.home}.",
            suggestion="Start it with `maquette serve`, or set MAQUETTE_HOME to the home of the one that runs.",
        )
    return Connections(**json.loads(path.read_text()), embedded=True)


def is_locked(path: Path) -> bool:
    """Whether another process (or another opening of the file) holds the lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
