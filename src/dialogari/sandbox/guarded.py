"""The parent's side of `guard.py`: a process that ends, with its folder, when we do."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.sandbox.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANSWER_LIMIT = 15.0
"""Seconds for an answer; the longest, to `stop`, takes the guard's patience of 5."""


class GuardedProcess:
    """A command run under a guard. Blocking, and usable from any thread.

    `command` is run by `start` with `environment` as its whole environment, in `folder`, which the
    guard removes with all it holds at the end of this object's life if `remove` is true.

    Every method raises `StartError` when the guard itself fails or has gone.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: dict[str, str], *, remove: bool
    ) -> None:
        guard = Path(__file__).with_name("guard.py")
        after = "remove" if remove else "keep"
        self._folder = folder
        self._remove = remove
        self._lock = threading.Lock()
        # A session of its own: Ctrl-C at a terminal is for the parent, which then ends us in order.
        self._guard = subprocess.Popen(  # noqa: S603  this interpreter and a file of ours
            [sys.executable, "-I", "-S", str(guard), after, str(folder), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def start(self) -> int:
        """Start the command, ending one that still runs, and return its process id."""
        return int(self._ask("start", "pid"))

    def stop(self) -> int:
        """End the command by SIGTERM, then SIGKILL; return its exit code."""
        return int(self._ask("stop", "exit"))

    def kill(self) -> int:
        """End the command by SIGKILL; return its exit code."""
        return int(self._ask("kill", "exit"))

    def exit_code(self) -> int | None:
        """Return how the command ended, or None while it runs."""
        answer = self._ask("status")
        return None if answer == "running" else int(answer.removeprefix("exit "))

    def close(self) -> None:
        """End the command and the guard, and remove the folder if that was wanted. Idempotent."""
        with self._lock:
            for pipe in (self._guard.stdin, self._guard.stdout):
                if pipe is not None:
                    pipe.close()
            try:
                self._guard.wait(_ANSWER_LIMIT)
            except subprocess.TimeoutExpired:
                self._guard.kill()
                self._guard.wait()
            if self._remove:  # in case the guard did not live to do it
                shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, request: str, expected: str = "") -> str:
        """Return the guard's answer, less the word `expected` that it must begin with."""
        with self._lock:
            answer = self._exchange(request)
        word, _, value = answer.partition(" ")
        if word == "error" or (expected and word != expected):
            raise StartError(f"The guard of the sandbox could not {request}: {value or answer}")
        return value if expected else answer

    def _exchange(self, request: str) -> str:
        stdin, stdout = self._guard.stdin, self._guard.stdout
        if stdin is None or stdout is None or stdin.closed:
            raise StartError("The sandbox is closed")
        try:
            os.write(stdin.fileno(), f"{request}\n".encode())
        except BrokenPipeError as error:
            raise StartError("The guard of the sandbox has gone") from error
        if not select.select([stdout], [], [], _ANSWER_LIMIT)[0]:
            raise StartError("The guard of the sandbox does not answer")
        return stdout.readline().decode().strip()
