"""An MCP server that does one thing wrong, over stdio: `mcp_faulty.py FAULT FILE`.

It speaks the protocol of 2025 by hand, line by line, and writes its process number into FILE each
time it starts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

fault, file = sys.argv[1:]
with Path(file).open("a", encoding="ascii") as started:
    started.write(f"{os.getpid()}\n")


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result of a request, None for a method that is not known."""
    match message["method"]:
        case "initialize":
            info = {"name": "faulty", "version": "1"}
            capabilities: dict[str, Any] = {"tools": {}}
            version = message["params"]["protocolVersion"]
            return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
        case "tools/list":
            return {"tools": [{"name": "do", "inputSchema": {"type": "object"}}]}
        case "tools/call":
            return {"content": [{"type": "text", "text": "done"}]}
        case _:
            return None


def spoil(method: str) -> None:
    """Do what is wrong with this server, where it is wrong with this request."""
    if fault == "silent" or (fault == "hangs" and method == "tools/call"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if fault == "strict" and method not in {"initialize", "tools/list", "tools/call"}:
        sys.exit(1)
    if fault == "garbage":
        sys.stdout.buffer.write(b"I am a log line\n\xff\xfe\n{}\n[1]\n" + b"x" * 2_000_000 + b"\n")


for line in sys.stdin:
    received = json.loads(line)
    if "id" not in received:
        continue
    spoil(received["method"])
    result = answer(received)
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": received["id"]}
    if result is None:
        body["error"] = {"code": -32601, "message": "not known"}
    elif fault == "giant" and received["method"] == "tools/call":
        # As libraries in other languages write it: the number last.
        body = {"result": {"content": [{"type": "text", "text": "y" * 5_000_000}]}, **body}
    else:
        body["result"] = result
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()
