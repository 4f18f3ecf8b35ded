"""The settings of models that are more than a text: servers with names of their own, prices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

_PRICE: Final = re.compile(r"([^=\s]+)=([0-9.]+)/([0-9.]+)")


def check_url(value: str | None) -> str | None:
    """Return an address of a web server as it is. Raises ValueError."""
    if value is not None and not re.match(r"https?://[^/\s]+", value):
        raise ValueError("write it like https://api.openai.com/v1")
    return value


def check_key(value: SecretStr | None) -> SecretStr | None:
    """Return a key as it is. Raises ValueError."""
    # A key travels in an HTTP header.
    if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("a key has no blanks and no letters beyond ASCII; copy it again")
    return value


class ModelServer(BaseModel):
    """An OpenAI-compatible server: MODELS_<NAME>_URL, _KEY and _MODEL."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    url: str
    model: str
    key: SecretStr | None = None

    _url = field_validator("url")(check_url)
    _key = field_validator("key")(check_key)


class ModelServers(EnvSettingsSource):
    """Gathers MODELS_<NAME>_… from the environment and `.env`: no field can have such a name."""

    def __init__(self, cls: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
        super().__init__(cls)
        self._variables: dict[str, str | None] = {}
        for source in sources:  # the one that counts more comes later
            if isinstance(source, EnvSettingsSource):
                self._variables.update(source.env_vars)

    def __call__(self) -> dict[str, Any]:
        """Return the servers by name."""
        servers: dict[str, dict[str, str]] = {}
        for name, value in self._variables.items():
            parts = re.fullmatch(r"models_(.+)_(url|key|model)", name.lower())
            if parts and value:
                servers.setdefault(parts[1], {})[parts[2]] = value
        return {"models": servers}


def read_prices(text: str) -> dict[str, tuple[float, float]]:
    """Return the prices of MODEL_PRICES by model. Raises ValueError, with what to write."""
    prices: dict[str, tuple[float, float]] = {}
    for entry in text.replace(",", " ").split():
        found = _PRICE.fullmatch(entry)
        if found is None:
            raise ValueError(
                f"{entry!r} is no price; write acme:large=0.40/1.60, US dollars for a million "
                "tokens, in and out"
            )
        try:
            prices[found[1].lower()] = float(found[2]), float(found[3])
        except ValueError:
            raise ValueError(f"{entry!r}: write each price as a number, like 0.40") from None
    return prices
