"""The settings: what is right is read, what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogari.config import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine, and no .env but the test's own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a single setting it is the local model, SQLite below the home, and loopback."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")

    settings = load_settings()

    assert settings.asterisk_ari_url == "http://127.0.0.1:8088/ari"
    assert (settings.asterisk_app_name, settings.turn_deadline) == ("dialogari", 12.0)
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)
    assert (settings.default_model, settings.local_wanted) == ("local", True)
    assert settings.store_url == "sqlite:////state/dialogari/dialogari.db"


@pytest.mark.parametrize(
    ("names", "default"),
    [
        (["OPENAI_API_KEY"], "openai"),
        (["OPENAI_BASE_URL"], "openai"),
        (["GEMINI_API_KEY"], "gemini"),
        (["ANTHROPIC_API_KEY"], "anthropic"),
        (["ANTHROPIC_API_KEY", "GEMINI_API_KEY"], "gemini"),
        (["ANTHROPIC_API_KEY", "OPENAI_API_KEY"], "openai"),
    ],
)
def test_a_configured_provider_is_the_default(
    monkeypatch: pytest.MonkeyPatch, names: list[str], default: str
) -> None:
    """The first with a key, or openai by its address; and no local model is loaded."""
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:1234/v1")

    settings = load_settings()

    assert (settings.default_model, settings.local_wanted) == (default, False)


def test_a_local_fallback_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """FALLBACK_AI_MODEL=local wants the local model beside another default."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("FALLBACK_AI_MODEL", "Local:small")

    assert load_settings().local_wanted


def test_servers_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MODELS_<NAME>_…, from file and environment together; the name in lower case."""
    (tmp_path / ".env").write_text("MODELS_ACME_URL=http://acme/v1\nMODELS_ACME_MODEL=old\n")
    monkeypatch.setenv("MODELS_ACME_MODEL", "m1")
    monkeypatch.setenv("MODELS_MY_OWN_URL", "https://own/v1")
    monkeypatch.setenv("MODELS_MY_OWN_MODEL", "m2")
    monkeypatch.setenv("MODELS_MY_OWN_KEY", "sk-very-secret")
    monkeypatch.setenv("MODELS", "something else's")

    settings = load_settings()

    assert {name: (s.url, s.model) for name, s in settings.models.items()} == {
        "acme": ("http://acme/v1", "m1"),
        "my_own": ("https://own/v1", "m2"),
    }
    assert "sk-very-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"URL": "http://acme/v1"}, "MODELS_ACME_MODEL: missing"),
        ({"MODEL": "m"}, "MODELS_ACME_URL: missing"),
        ({"URL": "acme", "MODEL": "m"}, "MODELS_ACME_URL: write it like https://"),
        ({"URL": "http://a", "MODEL": "m", "KEY": "sk ñ"}, "MODELS_ACME_KEY: a key has no blanks"),
    ],
)
def test_a_server_that_is_half_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str
) -> None:
    """One line with the setting that is missing or wrong."""
    for part, value in given.items():
        monkeypatch.setenv(f"MODELS_ACME_{part}", value)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_server_cannot_take_a_providers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """MODELS_OPENAI_URL would hide openai."""
    monkeypatch.setenv("MODELS_OPENAI_URL", "http://acme/v1")
    monkeypatch.setenv("MODELS_OPENAI_MODEL", "m")

    with pytest.raises(ConfigError, match="MODELS_OPENAI_… something else"):
        load_settings()


def test_the_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Names without regard to case; an empty value is no value."""
    (tmp_path / ".env").write_text("TURN_DEADLINE=20\nlog_level=debug\nWEB_PORT=\nOTHER=1\n")
    monkeypatch.setenv("TURN_DEADLINE", "30")

    settings = load_settings()

    assert (settings.turn_deadline, settings.log_level, settings.web_port) == (30.0, "DEBUG", 8080)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TURN_DEADLINE", "soon", "number"),
        ("TURN_DEADLINE", "0", "greater than or equal to 1"),
        ("TURN_DEADLINE", "nan", "finite"),
        ("TURN_DEADLINE", "301", "less than or equal to 300"),
        ("WEB_PORT", "eighty", "integer"),
        ("WEB_PORT", "65536", "65535"),
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("LOG_FORMAT", "xml", "'console' or 'json'"),
        ("LOG_CONTENT", "perhaps", "boolean"),
        ("ASTERISK_APP_NAME", "a,b", "letters, digits"),
        ("ASTERISK_APP_NAME", "ä", "letters, digits"),
        ("ASTERISK_ARI_URL", "http://a:1 http://b:1", "several servers"),
        ("OPENAI_BASE_URL", "api.openai.com", "https://"),
        ("GEMINI_API_KEY", "two words", "a key has no blanks"),
        ("FIRST_TOKEN_DEADLINE", "0", "greater than 0"),
        ("MODEL_PRICES", "acme:large", "'acme:large' is no price; write acme:large=0.40/1.60"),
        ("MODEL_PRICES", "acme=1.2.3/1", "write each price as a number"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http"),
    ],
)
def test_a_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """One line: the setting's name and what it should be."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"{name}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "turn", "fallback", "wrong"),
    [
        ("13", "", "openai", True),
        ("13", "", "", True),
        ("5", "5", "openai", True),
        ("", "3", "openai", True),
        ("", "3", "", False),
        ("2.5", "3", "openai", False),
    ],
)
def test_a_fallback_that_would_never_be_asked(
    monkeypatch: pytest.MonkeyPatch, first: str, turn: str, fallback: str, wrong: bool
) -> None:
    """FIRST_TOKEN_DEADLINE ends before TURN_DEADLINE; the default harms nobody without one."""
    names = ("FIRST_TOKEN_DEADLINE", "TURN_DEADLINE", "FALLBACK_AI_MODEL")
    for name, value in zip(names, (first, turn, fallback), strict=True):
        monkeypatch.setenv(name, value)

    if not wrong:
        load_settings()
        return
    with pytest.raises(ConfigError, match=r"^TURN_DEADLINE: FIRST_TOKEN_DEADLINE is [^\n]*$"):
        load_settings()


def test_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """By model or provider, separated by blanks or commas, names in lower case."""
    monkeypatch.setenv("MODEL_PRICES", "Acme:large=0.40/1.6, other=1/2")

    assert load_settings().model_prices == {"acme:large": (0.4, 1.6), "other": (1.0, 2.0)}


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong settings are two lines."""
    monkeypatch.setenv("WEB_PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "x")

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert {line.partition(":")[0] for line in str(caught.value).splitlines()} == {
        "WEB_PORT",
        "LOG_LEVEL",
    }


def test_secrets_have_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key nor a password shows in a repr."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("ASTERISK_ARI_PASSWORD", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter3@db/x")

    shown = repr(load_settings())

    assert "sk-very-secret" not in shown
    assert "hunter2" not in shown
    assert "hunter3" not in shown


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    """A .env in Latin-1 is a clear line."""
    (tmp_path / ".env").write_bytes(b"FALLBACK_TEXT=Un momento, ma\xf1ana\n")

    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings()


def test_networks_that_tools_may_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated by commas or blanks; a lone address is a network of one."""
    monkeypatch.setenv("TOOL_NETWORKS", " 10.0.0.0/8,192.168.1.7  fd00::/8, ")

    assert [str(n) for n in load_settings().tool_networks] == [
        "10.0.0.0/8",
        "192.168.1.7/32",
        "fd00::/8",
    ]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TOOL_NETWORKS", "10.0.0.5/8", "TOOL_NETWORKS: 10.0.0.5/8 has host bits set; write"),
        ("TOOL_NETWORKS", "lan", "TOOL_NETWORKS: 'lan' does not appear"),
        ("SECRET_KEY", "hunter2", "SECRET_KEY: each key is 32 bytes in base64"),
        ("SECRET_KEY", f"{'A' * 43}=,hunter2", "SECRET_KEY: each key is 32 bytes in base64"),
    ],
)
def test_what_tools_need_and_is_wrong(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """One line with the setting, and no part of a key."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert str(caught.value).startswith(says)
    assert "hunter2" not in str(caught.value)


def test_secret_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """In either kind of base64, the one that locks first; none of them in a repr."""
    keys = ["A" * 43 + "=", "_-" * 21 + "A=", "/+" * 21 + "A="]
    monkeypatch.setenv("SECRET_KEY", f"{keys[0]}, {keys[1]} {keys[2]}")

    settings = load_settings()

    assert list(settings.secret_keys) == keys
    assert keys[0] not in repr(settings)
