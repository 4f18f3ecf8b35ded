"""Run an Asterisk in a folder of its own, on free ports of the loopback address.

    async with Asterisk(installation, dialplan=text) as asterisk:
        ...  # asterisk.url, asterisk.username, asterisk.password; asterisk.sip_port

It is ready when ARI answers with the name that only this Asterisk has, as another program may be
behind a port, and when Asterisk says that it has booted. A guard ends it when we die (`guard.py`).
All blocking work is done in threads, so that an object of this class is bound to no event loop.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import aiohttp

from dialogari.sandbox.command_line import run_command
from dialogari.sandbox.configuration import (
    Settings,
    write_configuration,
    write_dialplan,
    write_outbound,
)
from dialogari.sandbox.console import Console
from dialogari.sandbox.errors import NotRunningError, StartError
from dialogari.sandbox.guarded import GuardedProcess
from dialogari.sandbox.identity import Identity

if TYPE_CHECKING:
    from types import TracebackType

    from dialogari.sandbox.installation import Installation
    from dialogari.sandbox.outbound import OutboundSocket

__all__ = ["Asterisk", "Settings"]

_START_LIMIT = 30.0
"""Seconds from start to ready; 0.3 to 0.7 are usual, 1.1 from a cold disk."""
_PROBE_LIMIT = 2.0
_POLL = 0.02
_TRIES = 5
_RETRY_PAUSE = 0.5
_LONGEST_SOCKET_PATH = 107
_PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH")
"""All that Asterisk sees of our environment: its dialplan could read the keys in the rest."""
_DEFAULT_SETTINGS = Settings()


class _PortTakenError(Exception):
    """Somebody has bound a port between our choice and Asterisk's start."""


class Asterisk:
    """An Asterisk of one's own. `async with` starts it, and at the end removes every trace of it.

    Without `async with`, `aclose` must be called in the end; should that be forgotten, the guard
    cleans up when this process ends.

    `folder` holds its configuration, log and recordings; None makes one that lives as long as this
    object. `dialplan` is the text of extensions.conf; SIP calls enter its context `from-sip`.
    Ports, password and name are new for every object, and stay the same over its restarts.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path | None = None,
        dialplan: str = "",
        settings: Settings = _DEFAULT_SETTINGS,
    ) -> None:
        self.installation = installation
        self._identity = Identity.make()
        self._is_temporary = folder is None
        self.folder = (folder or Path(tempfile.gettempdir(), f"dialogari-{self.name}")).absolute()
        self._console = Console(self.folder / "log/console")
        self._dialplan = dialplan
        self._settings = settings
        self._process: GuardedProcess | None = None
        self._pid: int | None = None
        self._has_been_ready = False

    @property
    def name(self) -> str:
        """The systemname, unique to this object; every uniqueid of a channel begins with it."""
        return self._identity.name

    @property
    def url(self) -> str:
        """Address of ARI, such as `http://127.0.0.1:12345/ari`; settled once it has started."""
        return self._identity.url

    @property
    def username(self) -> str:
        """A user of ARI that may do everything."""
        return self._identity.username

    @property
    def password(self) -> str:
        """The password of `username`."""
        return self._identity.password

    @property
    def sip_port(self) -> int:
        """UDP port of 127.0.0.1 for SIP; settled once it has started."""
        return self._identity.sip_port

    @property
    def pid(self) -> int:
        """Asterisk's own process id, even if it has died by itself meanwhile.

        Raises:
            NotRunningError: it has not been started, or has been stopped.
        """
        if self._pid is None:
            raise NotRunningError("Asterisk is not running")
        return self._pid

    async def __aenter__(self) -> Self:
        """Start it.

        Raises:
            StartError: it did not come up; nothing is left of it.
        """
        try:
            await self.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it and remove what it had."""
        await self.aclose()

    async def start(self) -> None:
        """Start it and return once it answers calls and ARI.

        After a stop or a kill it starts again with the same ports and configuration.

        Raises:
            StartError: it did not come up; the message ends with the last lines of its log.
            UnsupportedError: it is too old for the settings.
        """
        for _ in range(_TRIES):
            try:
                await self._start_once()
            except _PortTakenError:
                if self._has_been_ready:
                    await asyncio.sleep(_RETRY_PAUSE)
                else:
                    self._identity = self._identity.with_new_ports()
            else:
                self._has_been_ready = True
                return
        raise StartError(f"Asterisk found its ports taken {_TRIES} times{self._console.end()}")

    async def stop(self) -> None:
        """End it by SIGTERM, then by SIGKILL if it takes too long; its folder stays."""
        self._pid = None
        if self._process:
            await asyncio.to_thread(self._process.stop)

    async def kill(self) -> None:
        """End it by SIGKILL; its folder stays."""
        self._pid = None
        if self._process:
            await asyncio.to_thread(self._process.kill)

    async def restart(self) -> None:
        """Stop it if it runs, and start it again with the same ports and configuration.

        Raises:
            StartError: as `start`.
        """
        await self.stop()
        await self.start()

    async def aclose(self) -> None:
        """Stop it, remove the folder if it was a temporary one, and end the guard. Idempotent."""
        self._pid = None
        process, self._process = self._process, None
        if process:
            await asyncio.to_thread(process.close)

    async def run_cli(self, command: str) -> str:
        """Run a command of Asterisk's command line, such as `core show channels`.

        Raises:
            NotRunningError: Asterisk does not answer.
        """
        if self._pid is None:
            # Without its configuration the client would talk to the system's own Asterisk.
            raise NotRunningError("Asterisk is not running")
        return await run_command((*self._command, "-r", "-x", command), self._environment)

    async def reload_dialplan(self, text: str) -> None:
        """Make `text` the whole dialplan, now and after restarts; calls under way go on.

        Raises:
            NotRunningError: Asterisk does not answer.
        """
        self._dialplan = text
        write_dialplan(self.folder, text)
        await self.run_cli("dialplan reload")

    async def connect_out(self, outbound: OutboundSocket) -> None:
        """Have it connect there, now and after restarts; one of the same name is changed.

        Other sockets, and calls under way, don't notice.

        Raises:
            UnsupportedError: this Asterisk is too old for it.
            NotRunningError: Asterisk does not answer.
        """
        await self._reload_outbound((*self._outbound_but(outbound.name), outbound))

    async def disconnect_out(self, name: str) -> None:
        """Have it close a socket that `connect_out` or the settings opened, and open it no more.

        Raises:
            NotRunningError: Asterisk does not answer.
        """
        await self._reload_outbound(self._outbound_but(name))

    def _outbound_but(self, name: str) -> tuple[OutboundSocket, ...]:
        return tuple(other for other in self._settings.outbound if other.name != name)

    async def _reload_outbound(self, outbound: tuple[OutboundSocket, ...]) -> None:
        settings = replace(self._settings, outbound=outbound)
        write_outbound(self.folder, self.installation, self._identity, settings)
        self._settings = settings
        # It reads websocket_client.conf again as well.
        await self.run_cli("module reload res_ari.so")

    async def _start_once(self) -> None:
        process = self._process or self._start_guard()
        self._process = process
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_configuration(
            self.folder, self.installation, self._identity, self._settings, self._dialplan
        )
        logged = self._console.size()
        try:
            async with asyncio.timeout(_START_LIMIT):
                self._pid = await asyncio.to_thread(process.start)
                await self._wait_until_ready(process, logged)
        except TimeoutError as error:
            await self.kill()
            raise StartError(
                f"Asterisk was not ready after {_START_LIMIT:.0f} seconds{self._console.end()}"
            ) from error
        except BaseException:
            await self.kill()
            raise

    def _start_guard(self) -> GuardedProcess:
        if len(os.fsencode(self.folder / "run/asterisk.ctl")) > _LONGEST_SOCKET_PATH:
            raise StartError(f"The folder {self.folder} is too deep: its sockets' names don't fit")
        command = (*self._command, "-f")
        return GuardedProcess(command, self.folder, self._environment, remove=self._is_temporary)

    async def _wait_until_ready(self, process: GuardedProcess, logged: int) -> None:
        limit = aiohttp.ClientTimeout(total=_PROBE_LIMIT)
        async with aiohttp.ClientSession(timeout=limit) as session:
            while not await self._identity.answers(session):
                if (code := await asyncio.to_thread(process.exit_code)) is not None:
                    raise StartError(f"Asterisk ended with exit code {code}{self._console.end()}")
                self._check_ports(logged)
                await asyncio.sleep(_POLL)
        try:
            await self.run_cli("core waitfullybooted")
        except NotRunningError as error:
            raise StartError(f"{error}{self._console.end()}") from error
        self._check_ports(logged)

    def _check_ports(self, logged: int) -> None:
        if self._console.names_taken_port(logged):
            raise _PortTakenError

    @property
    def _command(self) -> tuple[str, ...]:
        return (*self.installation.command, "-C", str(self.folder / "etc/asterisk.conf"))

    @property
    def _environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**passed_on, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
