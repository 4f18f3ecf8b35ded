"""A model behind an OpenAI-compatible address on loopback, in a process that may crash.

llama.cpp is native code: a fault in it must never take calls down, so it runs in a child
(`worker.py`). The child is started again whenever it dies, at the same address and with the same
key, so a client made once stays good; requests fail in between and `alive` is false.

Four callers at once each have a slot that keeps what was read of their conversation; a fifth waits
for a slot. `prime` reads the prompt once and copies that state into every slot by way of a file
(11 MB and 3 ms a slot, where reading 400 tokens again takes 12 s on one core), so no caller's first
turn has to read it. The file outlives a crash of the child, not the server.

A streamed answer is dropped 0.2 s after its client left. While the prompt is still being read that
takes 1.6 s, and only if `REQUEST_EXTRAS` are sent along: without them it is read to its end. A
request that does not stream is not dropped reliably (all measured on one busy core).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from dialogari.agent.local.catalogue import RunSettings
from dialogari.agent.local.errors import NotInstalledError, ServerError
from dialogari.agent.local.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

REQUEST_EXTRAS: Final[Mapping[str, Any]] = {"return_progress": True}
"""To be sent in the body of every streamed request; see above."""

SLOTS = 4
_START_LIMIT = 300.0
"""Seconds for loading a model, from a slow disk at worst."""
_PRIME_LIMIT = 600.0
"""Seconds for reading a prompt; 8,000 tokens at 20 a second need 400."""
_STOP_LIMIT = 3.0
_SHORT_LIMIT = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
"""Seconds between a death and the next start; doubled each time."""
_PROVEN = 60.0
"""Seconds after which a run counts as good and the pause as short again."""
_PRIMED = "primed.bin"

_log = logging.getLogger(__name__)


class LocalServer:
    """Runs one GGUF file; an async context manager, which owns the child and its supervision."""

    def __init__(
        self,
        file: Path,
        settings: RunSettings | None = None,
        *,
        log: Path | None = None,
    ) -> None:
        """`log` gets all that the native code prints; None: nobody does."""
        self._file = file
        self._settings = settings or RunSettings()
        self._log = log
        self._key = secrets.token_urlsafe(32)
        self._address = ""
        self._process: asyncio.subprocess.Process | None = None
        self._priming = asyncio.Lock()
        self._primed = False
        self._group = asyncio.TaskGroup()
        self._supervisor: asyncio.Task[None] | None = None
        self._folder = ""

    async def __aenter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="dialogari-model-")
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
        try:
            # Not told of the body's error, which it would wrap in a group of its own.
            await self._group.__aexit__(None, None, None)
        finally:
            await self._stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def base_url(self) -> str:
        """Where an OpenAI client finds the model, `/v1` included; "" before `start`."""
        return f"{self._address}/v1" if self._address else ""

    @property
    def api_key(self) -> str:
        """The key the child asks for; made anew for each server."""
        return self._key

    @property
    def alive(self) -> bool:
        """Whether the model is loaded and its process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process is not None and self.alive else None

    async def start(self, report: Callable[[Progress], None]) -> None:
        """Load the model and from then on keep it running. To be called once.

        Raises:
            NotInstalledError: the package that runs models is missing.
            ServerError: it did not come up; the message names the log.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise NotInstalledError(
                "local models need an extra that is not installed: pip install 'dialogari[local]'"
            )
        size = self._file.stat().st_size if self._file.is_file() else None
        report(Progress("Loading the local model", 0, size))
        await self._launch()
        report(Progress("Loading the local model", size or 0, size))
        self._supervisor = self._group.create_task(self._supervise())

    async def prime(self, instructions: str) -> None:
        """Read a system prompt into every slot, so that answers under it begin at once.

        Takes the time of reading it: 12 s for 400 tokens on one core. May be called again, for
        another prompt or a changed one; the last one is there again after a crash.

        Raises:
            ServerError: the model is not running, refused, or took too long.
        """
        body = {
            "messages": [
                {"role": "system", "content": instructions},
                {"role": "user", "content": "."},
            ],
            "max_tokens": 1,
            "id_slot": 0,
        }
        async with self._priming:
            try:
                await self._post("/v1/chat/completions", body, _PRIME_LIMIT)
                await self._post("/slots/0?action=save", {"filename": _PRIMED}, _SHORT_LIMIT)
                self._primed = True
                await self._share(range(1, SLOTS))
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ServerError(
                    f"the local model could not read its prompt ({type(error).__name__})"
                    f"{self._see_log()}"
                ) from error

    async def _share(self, slots: range) -> None:
        for slot in slots:
            body = {"filename": _PRIMED}
            await self._post(f"/slots/{slot}?action=restore", body, _SHORT_LIMIT)

    async def _post(self, path: str, body: Mapping[str, Any], limit: float) -> None:
        timeout = aiohttp.ClientTimeout(total=limit)
        headers = {"Authorization": f"Bearer {self._key}"}
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout, raise_for_status=True) as http,
            http.post(self._address + path, json=body) as response,
        ):
            await response.read()

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE
        started = time.monotonic()
        while self._process is not None:
            code = await self._process.wait()
            if time.monotonic() - started > _PROVEN:
                pause = _FIRST_PAUSE
            _log.error("the local model died (%s); starting it again", _describe(code))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            started = time.monotonic()
            try:
                await self._launch()
                if self._primed:
                    await self._share(range(SLOTS))
            except (ServerError, OSError, aiohttp.ClientError, TimeoutError) as error:
                _log.warning("the local model did not come back: %s", error)

    async def _launch(self) -> None:
        """Start the child and wait until it has told its address."""
        order = {
            "parent": os.getpid(),
            "file": str(self._file),
            "alias": self._file.stem,
            "port": int(self._address.rpartition(":")[2] or 0),
            "api_key": self._key,
            "folder": f"{self._folder}/",
            "slots": SLOTS,
            "context": self._settings.context,
            "threads": max(1, len(os.sched_getaffinity(0)) - 1),
            "max_tokens": self._settings.max_tokens,
            "temperature": self._settings.temperature,
            "repeat_penalty": self._settings.repeat_penalty,
        }
        process = await self._spawn()
        try:
            async with asyncio.timeout(_START_LIMIT):
                self._address = await _give_order(process, order)
        except BaseException as error:
            await _end(process)
            if isinstance(error, (TimeoutError, ValueError, KeyError, OSError)):
                raise ServerError(
                    f"the local model {self._file.name} did not start"
                    f" ({_describe(process.returncode)}){self._see_log()}"
                ) from error
            raise
        self._process = process

    async def _spawn(self) -> asyncio.subprocess.Process:
        with contextlib.ExitStack() as files:
            errors: Any = asyncio.subprocess.DEVNULL
            if self._log is not None:
                errors = files.enter_context(self._log.open("ab"))
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "dialogari.agent.local.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                # A Ctrl-C is for the bridge, which lets running answers come to their end.
                start_new_session=True,
            )

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _end(process)

    def _see_log(self) -> str:
        return f"; see {self._log}" if self._log is not None else ""


async def _give_order(process: asyncio.subprocess.Process, order: Mapping[str, Any]) -> str:
    """Return the child's address once the model is loaded; ValueError when it ended before."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("started without pipes")
    process.stdin.write(json.dumps(order).encode() + b"\n")
    await process.stdin.drain()
    return str(json.loads(await process.stdout.readline())["address"])


async def _end(process: asyncio.subprocess.Process) -> None:
    """Make the child leave, and if it does not, kill it."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_LIMIT):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


def _describe(code: int | None) -> str:
    if code is None:
        return "it took too long"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
