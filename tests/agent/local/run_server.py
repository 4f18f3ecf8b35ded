"""A process of its own that runs the model given as its argument, prints the child's id and waits.

It is killed by the test that its child must not outlive.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dialogari.agent.local.server import LocalServer


async def main() -> None:
    """Start, tell, and wait to be killed."""
    async with LocalServer(Path(sys.argv[1])) as server:
        await server.start(lambda _progress: None)
        sys.stdout.write(f"{server.pid}\n")
        sys.stdout.flush()
        await asyncio.sleep(60)


asyncio.run(main())
