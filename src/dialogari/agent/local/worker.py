"""The process in which a model runs: started by `server.py`, never imported by it.

It reads one line of JSON from its input (`WorkerOrder`), loads the model, answers with one line of
JSON that holds its address, and then serves until its input ends. It dies with its parent however
that ends, by the end of the input or the kernel's signal (PR_SET_PDEATHSIG), and takes the folder
of saved prompts with it.
All that the native code prints goes to the log, so the two lines are alone in the pipe.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

xllamacpp: Any = importlib.import_module("xllamacpp")  # it has no types

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NICENESS = 5
"""The bridge, which moves many calls, goes before the model, which answers one."""
_PING = 1
"""Seconds between comments in a stream that has begun and has nothing to say. Alone, it does not
show that a caller left while the prompt is read; with `REQUEST_EXTRAS` it was 1.6 s (measured)."""
_BATCH = 32
"""Tokens of a prompt read in one go; between them other callers' answers move on, and a request
whose caller has gone is dropped. 64 read as fast as 512 within the noise, 16 a sixth slower."""
_SAVED_PROMPTS = 512
"""Megabytes in which prompts are kept that lost their slot."""


def main() -> None:
    """Serve until the input ends or the parent dies."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    Path(order["folder"]).mkdir(mode=0o700, parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda _number, _frame: _leave(order["folder"]))
    _die_with(order["parent"])
    os.nice(_NICENESS)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = xllamacpp.Server(_parameters(order))
    print(json.dumps({"address": server.listening_address}), file=answer, flush=True)
    while sys.stdin.read(1):
        pass
    _leave(order["folder"])


def _leave(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # The native destructor waits for running answers; nobody is left to hear them.
    os._exit(0)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent was gone before the worker had started")


def _parameters(order: dict[str, Any]) -> Any:
    parameters: Any = xllamacpp.CommonParams()
    parameters.model.path = order["file"]
    parameters.model_alias = {order["alias"]}
    parameters.port = order["port"]
    parameters.api_keys = [order["api_key"]]
    parameters.ui = False
    parameters.slot_save_path = order["folder"]
    parameters.sse_ping_interval = _PING
    # One store of tokens for all slots, so that a slot in use takes what the others leave.
    parameters.n_parallel = order["slots"]
    parameters.kv_unified = True
    parameters.n_ctx = order["context"]
    parameters.n_batch = parameters.n_ubatch = _BATCH
    parameters.cache_ram_mib = _SAVED_PROMPTS
    # It would clear the other slots, which `prime` has filled, at each request.
    parameters.cache_idle_slots = False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = order["threads"]
    parameters.n_predict = order["max_tokens"]
    parameters.sampling.temp = order["temperature"]
    parameters.sampling.penalty_repeat = order["repeat_penalty"]
    return parameters


if __name__ == "__main__":
    main()
