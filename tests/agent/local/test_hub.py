"""Files come from the hub too: the real client of the hub against a small hub of our own.

The client reads its address when imported, so each fetch is a process.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

CONTENT = hashlib.shake_256(b"hub").digest(2_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FETCH_ONCE = Path(__file__).with_name("fetch_once.py")


class Hub(BaseHTTPRequestHandler):
    """Serves one file at every address, as the hub does for files it keeps itself."""

    content = CONTENT

    def do_HEAD(self) -> None:
        """Tell of the file."""
        self._answer(self.content, 200)

    def do_GET(self) -> None:
        """Send the file, or the rest of it that is asked for."""
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        self._answer(self.content[start:], 206 if start else 200)
        self.wfile.write(self.content[start:])

    def log_message(self, *_arguments: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep quiet."""

    def _answer(self, body: bytes, code: int) -> None:
        self.send_response(code)
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()


class WrongHub(Hub):
    """Serves other bytes of the same length."""

    content = bytes(len(CONTENT))


@pytest.fixture(params=[Hub])
def hub(request: pytest.FixtureRequest) -> Generator[str]:
    """The address of a running hub."""
    with ThreadingHTTPServer(("127.0.0.1", 0), request.param) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(endpoint: str, cache: Path) -> str:
    """Fetch from the hub there, in a process; return what it printed."""
    proxies = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": f"{cache}-hub"} | proxies
    command = [sys.executable, str(FETCH_ONCE), str(cache), "small.gguf", str(len(CONTENT))]
    done = subprocess.run(  # noqa: S603 - our own script
        [*command, SHA256, "hub"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert not done.stderr, "a progress bar, or a warning, reached the terminal"
    return done.stdout


def test_whole(hub: str, tmp_path: Path) -> None:
    """The file arrives, with progress, and nothing is left beside it."""
    output = fetch(hub, tmp_path / "cache")
    file = tmp_path / "cache" / "small.gguf"
    assert output.endswith(f"file {file}\n")
    assert f"Downloading the local model {len(CONTENT)}\n" in output
    assert file.read_bytes() == CONTENT
    names = {entry.suffix for entry in file.parent.iterdir()}
    assert names == {".gguf", ".lock", ".verified"}


@pytest.mark.parametrize("hub", [WrongHub], indirect=True)
def test_wrong_content(hub: str, tmp_path: Path) -> None:
    """Other bytes than the known ones are refused."""
    output = fetch(hub, tmp_path / "cache")
    assert "SHA-256" in output
    assert not (tmp_path / "cache" / "small.gguf").exists()


def test_refused_fast(tmp_path: Path) -> None:
    """A hub where nobody listens has failed within seconds."""
    started = time.monotonic()
    output = fetch("http://127.0.0.1:9", tmp_path / "cache")
    assert "can't be reached" in output
    assert time.monotonic() - started < 10


def test_silent_fast(tmp_path: Path) -> None:
    """A hub that takes connections and never answers has failed within seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        output = fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path / "cache")
        assert "can't be reached" in output
        assert time.monotonic() - started < 20
