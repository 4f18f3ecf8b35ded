"""The settings: read once at the start from the environment and `.env`, checked, never changed.

This is the only place that reads the environment. Whatever is wrong stops the start with a
`ConfigError` that names the setting and says what to do; secrets have no repr and are never in it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_OPENAI_URL = "https://api.openai.com/v1"
LOCAL = "local"
OPENAI = "openai"


class ConfigError(Exception):
    """The operator must change a setting; the text says which and to what. Exit code 2."""


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
    )

    asterisk_ari_url: str = "http://127.0.0.1:8088/ari"
    asterisk_ari_username: str = ""
    asterisk_ari_password: SecretStr = SecretStr("")
    asterisk_app_name: str = "dialogari"

    default_ai_model: str = ""
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model_name: str | None = None
    dialogari_local_model: str | None = None

    # It may hold a password.
    database_url: str = Field(default="", repr=False)
    dialogari_state_dir: Path = Field(default_factory=_state_directory)
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    log_content: bool = False

    turn_deadline: Annotated[float, Field(ge=1, le=300, allow_inf_nan=False)] = 12.0
    fallback_text: str = ""

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

    @field_validator("openai_base_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value):
            raise ValueError("write it like https://api.openai.com/v1")
        return value

    @property
    def store_url(self) -> str:
        """DATABASE_URL, or SQLite in the state directory."""
        return self.database_url or f"sqlite:///{self.dialogari_state_dir / 'dialogari.db'}"

    @property
    def openai_configured(self) -> bool:
        """Whether the provider `openai` can be asked: a key, or a server that may need none."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def default_model(self) -> str:
        """DEFAULT_AI_MODEL, or the first provider whose key is set, or the local model."""
        return self.default_ai_model or (OPENAI if self.openai_configured else LOCAL)

    @property
    def local_wanted(self) -> bool:
        """Whether the local model is to be loaded."""
        provider = self.default_model.partition(":")[0].strip().lower()
        return provider == LOCAL or self.dialogari_local_model is not None


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
    return str(location[0]).upper() if location else "settings"


def _complaint(message: str) -> str:
    return message.removeprefix("Value error, ")
