"""The files Asterisk reads, written into a sandbox's folder from the templates in `conf/`.

A template is a file of Asterisk's with @NAMES@ in it. Lines of modules.conf that load what this
Asterisk does not have are taken out, as each would be an error in its log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from dialogari.sandbox.errors import UnsupportedError
from dialogari.sandbox.outbound import MODULE as OUTBOUND_MODULE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from dialogari.sandbox.identity import Identity
    from dialogari.sandbox.installation import Installation
    from dialogari.sandbox.outbound import OutboundSocket

_TEMPLATES = resources.files("dialogari.sandbox") / "conf"
_FOLDERS = ("etc", "data/sounds", "log", "run", "spool/recording", "spool/tmp", "var/keys")
_EMPTY = (
    *("acl", "ccss", "cdr", "cel", "features", "manager"),
    *("pjproject", "stasis", "udptl"),
)
"""Files that Asterisk complains of when they are missing, and that need to say nothing."""
_OF_OUTBOUND = ("ari.conf", "websocket_client.conf")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a demo or a test may want different from an ordinary Asterisk."""

    live_dangerously: bool = False
    """Whether a channel's functions that reach the system, FILE() for one, are open to ARI."""
    session_limit: int = 100
    """HTTP connections, websockets included; over it Asterisk closes a new one without a word."""
    users: tuple[tuple[str, str, bool], ...] = ()
    """Further users of ARI: name, password, and whether it may only read."""
    softphone: tuple[str, str] | None = field(default=None, repr=False)
    """User and password of a SIP telephone that may register."""
    outbound: tuple[OutboundSocket, ...] = ()
    """Where Asterisk connects to by itself; 22 has it, 16 has not."""


def write_configuration(
    folder: Path, installation: Installation, identity: Identity, settings: Settings, dialplan: str
) -> None:
    """Write everything below `folder` that Asterisk needs to start; may be called again.

    Raises:
        OSError: the folder can't be written.
        UnsupportedError: this Asterisk can't do what the settings ask for.
    """
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    _link(folder / "data/documentation", installation.documentation)
    _link(folder / "data/rest-api", installation.rest_api)
    _link(folder / "data/sounds/en", installation.sounds)
    values = _values(folder, installation, identity, settings)
    for template in _TEMPLATES.iterdir():
        _write_file(folder, installation, template, values)
    for name in _EMPTY:
        (folder / f"etc/{name}.conf").touch()
    write_dialplan(folder, dialplan)


def write_outbound(
    folder: Path, installation: Installation, identity: Identity, settings: Settings
) -> None:
    """Write the files again that say where Asterisk connects to by itself.

    Raises:
        OSError: the folder can't be written.
        UnsupportedError: this Asterisk connects nowhere.
    """
    values = _values(folder, installation, identity, settings)
    for name in _OF_OUTBOUND:
        _write_file(folder, installation, _TEMPLATES / name, values)


def write_dialplan(folder: Path, text: str) -> None:
    """Make `text` the extensions.conf below `folder`."""
    (folder / "etc/extensions.conf").write_text(text, "utf-8")


def _values(
    folder: Path, installation: Installation, identity: Identity, settings: Settings
) -> dict[str, str]:
    if settings.outbound and not (installation.modules / OUTBOUND_MODULE).exists():
        raise UnsupportedError(
            f"Asterisk {installation.version} can't connect to a server of ours: "
            f"it lacks {OUTBOUND_MODULE}, which came with 20.15, 21.10 and 22.5"
        )
    return {
        "FOLDER": str(folder),
        "MODULES": str(installation.modules),
        "NAME": identity.name,
        "USERNAME": identity.username,
        "PASSWORD": identity.password,
        "HTTP_PORT": str(identity.http_port),
        "SIP_PORT": str(identity.sip_port),
        "SESSION_LIMIT": str(settings.session_limit),
        "LIVE_DANGEROUSLY": "yes" if settings.live_dangerously else "no",
        "SOFTPHONE": _softphone_sections(*settings.softphone) if settings.softphone else "",
        "USERS": "\n".join(_user_section(*user) for user in settings.users),
        "OUTBOUND": "\n".join(o.ari_section(identity.username) for o in settings.outbound),
        "OUTBOUND_CLIENTS": "\n".join(o.client_section() for o in settings.outbound),
    }


def _write_file(
    folder: Path, installation: Installation, template: Traversable, values: Mapping[str, str]
) -> None:
    text = fill(template.read_text("utf-8"), values)
    if template.name == "modules.conf":
        text = without_missing_modules(text, installation.modules)
    (folder / "etc" / template.name).write_text(text, "utf-8")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its @NAMES@ replaced.

    Raises:
        KeyError: a name has no value.
    """
    return re.sub(r"@([A-Z_]+)@", lambda name: values[name[1]], template)


def without_missing_modules(text: str, modules: Path) -> str:
    """Return modules.conf without the lines that load what is not in the folder `modules`."""

    def is_loadable(line: str) -> bool:
        loaded = re.match(r"(?:pre)?load = (\S+)", line)
        return loaded is None or (modules / loaded[1]).exists()

    return "".join(line for line in text.splitlines(keepends=True) if is_loadable(line))


def _user_section(name: str, password: str, read_only: bool) -> str:
    return (
        f"[{name}]\ntype = user\nread_only = {'yes' if read_only else 'no'}\n"
        f"password_format = plain\npassword = {password}\n"
    )


def _softphone_sections(user: str, password: str) -> str:
    endpoint = f"identify_by = username\nrewrite_contact = yes\nauth = {user}\naors = {user}\n"
    return (
        f"[{user}](telephone)\n{endpoint}\n[{user}]\ntype = aor\nmax_contacts = 4\n\n"
        f"[{user}]\ntype = auth\nauth_type = userpass\nusername = {user}\npassword = {password}\n"
    )


def _link(place: Path, target: Path) -> None:
    place.unlink(missing_ok=True)
    if target.exists():
        place.symlink_to(target)
