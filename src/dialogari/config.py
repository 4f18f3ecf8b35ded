"""The settings: read once at the start from the environment and `.env`, checked, never changed.

This is the only place that reads the environment. Whatever is wrong stops the start with a
`ConfigError` that names the setting and says what to do; secrets have no repr and are never in it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dialogari.config_models import ModelServer, ModelServers, check_key, check_url, read_prices

if TYPE_CHECKING:
    from pydantic import ValidationInfo
    from pydantic_settings import PydanticBaseSettingsSource

DEFAULT_OPENAI_URL = "https://api.openai.com/v1"
LOCAL = "local"
OPENAI = "openai"
GEMINI = "gemini"
ANTHROPIC = "anthropic"

Network = IPv4Network | IPv6Network

_KEY_BYTES = 32
_FIRST_TOKEN = 4.0


class ConfigError(Exception):
    """The operator must change a setting; the text says which and to what. Exit code 2."""


def _is_secret_key(value: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(value)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _state_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "dialogari"


class Settings(BaseSettings):
    """Everything that can be set, under the names of the environment variables."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    asterisk_ari_url: str = "http://127.0.0.1:8088/ari"
    """Where Asterisk's REST interface is, with or without `/ari`."""
    asterisk_ari_username: str = ""
    """The user of ari.conf; `serve` needs it."""
    asterisk_ari_password: SecretStr = SecretStr("")
    """Its password; `serve` needs it."""
    asterisk_app_name: str = "dialogari"
    """The application of Stasis(); one bridge for each name."""

    default_ai_model: str = ""
    """A provider's name or `provider:model`. Default: the first of `openai`, `gemini`, `anthropic`
    that is configured, else `local`."""
    openai_api_key: SecretStr | None = None
    """Makes the provider `openai`."""
    openai_base_url: str | None = None
    """Another OpenAI-compatible server under the name `openai`; needs `OPENAI_MODEL_NAME`."""
    openai_model_name: str | None = None
    """Default: `gpt-4.1-mini`."""
    gemini_api_key: SecretStr | None = None
    """Makes the provider `gemini`."""
    gemini_model_name: str | None = None
    """Default: `gemini-3.5-flash-lite`."""
    anthropic_api_key: SecretStr | None = None
    """Makes the provider `anthropic`."""
    anthropic_model_name: str | None = None
    """Default: `claude-haiku-5-5`."""
    models: Annotated[dict[str, ModelServer], NoDecode] = Field(
        default_factory=dict[str, ModelServer]
    )
    """`MODELS_<NAME>_URL`, `MODELS_<NAME>_MODEL` and, where the server wants one,
    `MODELS_<NAME>_KEY`: any OpenAI-compatible server; its name in lower case is its name in
    AI_MODEL."""
    fallback_ai_model: str = ""
    """Written like AI_MODEL; asked when the first model fails before its first token."""
    first_token_deadline: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)] = _FIRST_TOKEN
    """Seconds until the fallback is asked; counts only where one is set, and never for a local
    model."""
    model_prices: Annotated[dict[str, tuple[float, float]], NoDecode] = Field(
        default_factory=dict[str, tuple[float, float]]
    )
    """What you pay, US dollars for a million tokens in and out, such as `acme:large=0.40/1.60`;
    several separated by blanks or commas; `acme=…` is for all its models. Default: the public list
    of `openai`, `gemini` and `anthropic`; `local` is free."""
    dialogari_local_model: str | None = None
    """A model of the catalogue, or the path of a GGUF file. Default: `qwen2.5-coder-1.5b`."""

    # It may hold a password.
    database_url: str = Field(default="", repr=False)
    """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`. Default: SQLite in the state
    directory."""
    dialogari_state_dir: Path = Field(default_factory=_state_directory)
    """Database and the local model's log. Default: `~/.local/state/dialogari`."""
    web_host: str = "127.0.0.1"
    """Address for the REST API, `/healthz`, `/readyz` and `/metrics`."""
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Its port; 0 takes a free one."""
    dialogari_api_key: SecretStr | None = None
    """A key of the REST API beside those of `dialogari key new`; make it long and random."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """From which level on to log."""
    log_format: Literal["console", "json"] = "console"
    """For people, or one JSON object a line."""
    log_content: bool = False
    """Put what callers say and the answers into the log, and into spans."""
    otel_exporter_otlp_endpoint: str | None = None
    """A collector of OpenTelemetry to send spans of turns to, such as `http://127.0.0.1:4318`;
    needs the extra `otel`."""

    history_tokens: Annotated[int, Field(ge=100, le=1_000_000)] = 4000
    """What a model is told of the conversation so far, in tokens, roughly; the oldest turns are
    left out first."""
    history_ttl: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Seconds after which a model is no longer told of a turn; 0: as long as its conversation goes
    on."""
    history_summary: bool = False
    """Have what no longer fits into `HISTORY_TOKENS` summed up by the turn's model once it has
    answered, and told in short: a further request now and then, for which callers of a `local`
    model may wait."""
    caller_memory_days: Annotated[int, Field(ge=0, le=3650)] = 0
    """Days for which a caller whom the dialplan names by AI_CALLER is known again; 0: nobody is,
    and nobody's name is kept."""
    turn_deadline: Annotated[
        float, Field(ge=1, le=300, allow_inf_nan=False, validate_default=True)
    ] = 12.0
    """Seconds from Stasis() to the return to the dialplan."""
    fallback_text: str = ""
    """AI_RESPONSE of a turn that failed, where its prompt has no fallback of its own."""
    filler_after: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 0.0
    """Seconds without an answer after which `FILLER_MEDIA` is played to the caller; 0: never."""
    filler_media: str = "tone:420/60,0/1940"
    """`sound:NAME`, `tone:NAME` of indications.conf, or `tone:` and a tone written as there; by
    default a soft beep every two seconds."""
    tool_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    """Private networks that tools may reach, such as `192.168.10.0/24`, separated by blanks or
    commas; public addresses need not be named, link-local and metadata addresses are never
    reached."""
    secret_key: SecretStr | None = None
    """Locks the tools' secrets in the database: 32 bytes in base64 (`openssl rand -base64 32`).
    Several, separated by blanks or commas: the first one locks, all open. Default: a key made at
    need in the state directory; bridges that share a database need the same one."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("asterisk_ari_url")
    @classmethod
    def _one_server(cls, value: str) -> str:
        if len(value.split()) > 1:
            raise ValueError("several servers are not supported yet: name one")
        return value.strip()

    @field_validator("asterisk_app_name")
    @classmethod
    def _application_name(cls, value: str) -> str:
        # Asterisk splits Stasis()'s arguments and ARI's application lists at commas.
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
            raise ValueError("use 1 to 64 letters, digits, '-', '_' or '.'")
        return value

    @field_validator("tool_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(name) for name in value.replace(",", " ").split())
        except ValueError as error:
            raise ValueError(f"{error}; write networks like 192.168.10.0/24") from None

    @field_validator("secret_key")
    @classmethod
    def _secret_keys(cls, value: SecretStr | None) -> SecretStr | None:
        keys = [] if value is None else value.get_secret_value().replace(",", " ").split()
        if not all(map(_is_secret_key, keys)):
            raise ValueError("each key is 32 bytes in base64: openssl rand -base64 32")
        return value

    @field_validator("turn_deadline")
    @classmethod
    def _time_for_the_fallback(cls, value: float, info: ValidationInfo) -> float:
        first = info.data.get("first_token_deadline", 0.0)
        counts = info.data.get("fallback_ai_model") or first != _FIRST_TOKEN
        if counts and first >= value:
            raise ValueError(
                f"FIRST_TOKEN_DEADLINE is {first:g} seconds and the whole turn has {value:g}, so "
                "no fallback would ever be asked; set FIRST_TOKEN_DEADLINE below TURN_DEADLINE"
            )
        return value

    @field_validator("model_prices", mode="before")
    @classmethod
    def _prices(cls, value: object) -> object:
        return read_prices(value) if isinstance(value, str) else value

    _url = field_validator("openai_base_url", "otel_exporter_otlp_endpoint")(check_url)
    _key = field_validator("openai_api_key", "gemini_api_key", "anthropic_api_key")(check_key)
    _own_key = field_validator("dialogari_api_key")(check_key)

    @field_validator("models")
    @classmethod
    def _free_names(cls, value: dict[str, ModelServer]) -> dict[str, ModelServer]:
        for name in (OPENAI, GEMINI, ANTHROPIC, LOCAL):
            if name in value:
                raise ValueError(f"{name} is taken; call MODELS_{name.upper()}_… something else")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say where settings come from, what counts most first."""
        del file_secret_settings
        servers = ModelServers(settings_cls, dotenv_settings, env_settings)
        return init_settings, servers, env_settings, dotenv_settings

    @property
    def store_url(self) -> str:
        """DATABASE_URL, or SQLite in the state directory."""
        return self.database_url or f"sqlite:///{self.dialogari_state_dir / 'dialogari.db'}"

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys of SECRET_KEY, the one that locks first."""
        value = "" if self.secret_key is None else self.secret_key.get_secret_value()
        return tuple(value.replace(",", " ").split())

    @property
    def openai_configured(self) -> bool:
        """Whether the provider `openai` can be asked: a key, or a server that may need none."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def default_model(self) -> str:
        """DEFAULT_AI_MODEL, or the first provider whose key is set, or the local model."""
        if self.default_ai_model:
            return self.default_ai_model
        configured = (
            (OPENAI, self.openai_configured),
            (GEMINI, self.gemini_api_key is not None),
            (ANTHROPIC, self.anthropic_api_key is not None),
        )
        return next((name for name, is_set in configured if is_set), LOCAL)

    @property
    def local_wanted(self) -> bool:
        """Whether the local model is to be loaded."""
        named = (self.default_model, self.fallback_ai_model)
        providers = {name.partition(":")[0].strip().lower() for name in named}
        return LOCAL in providers or self.dialogari_local_model is not None


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        ConfigError: one line for each setting that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = (f"{_name(e['loc'])}: {_complaint(e['msg'])}" for e in error.errors())
        raise ConfigError("\n".join(lines)) from None
    except UnicodeDecodeError:
        raise ConfigError(".env: the file is not UTF-8; save it as UTF-8") from None


def _name(location: tuple[int | str, ...]) -> str:
    if not location:
        return "settings"
    parts = location if location[0] == "models" else location[:1]
    return "_".join(map(str, parts)).upper()


def _complaint(message: str) -> str:
    return "missing" if message == "Field required" else message.removeprefix("Value error, ")
