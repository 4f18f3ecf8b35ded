"""What must be known to its end is awaited to its end, however often one is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from dialogari.ari import Unreachable
from dialogari.ari.handles import waiting
from dialogari.ari.handles.waiting import first_of, settled, undone


async def answer(value: str, error: Exception | None = None) -> str:
    """Take a moment, then return or raise."""
    await asyncio.sleep(0.05)
    DONE.append(value)
    if error is not None:
        raise error
    return value


DONE: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin with nothing done."""
    DONE.clear()


async def test_settled() -> None:
    """Not cancelled it is as if awaited."""
    assert await settled(answer("x")) == "x"
    with pytest.raises(Unreachable):
        await settled(answer("x", Unreachable("it rained")))


@pytest.mark.parametrize("error", [None, Unreachable("it rained")])
async def test_cancelled(error: Exception | None) -> None:
    """Cancelled, even twice, it is done first, and then cancelled."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(settled(answer("x", error)))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        await asyncio.wait({task})

    assert task.cancelled()
    assert DONE == ["x"]


async def test_time_limit() -> None:
    """A time limit around it is kept, late."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await settled(answer("x"))

    assert DONE == ["x"]


async def test_undone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What can't be undone, or not in time, is logged and not raised."""
    monkeypatch.setattr(waiting, "UNDO_LIMIT", 0.01)
    await undone("channel:1", answer("x"))
    monkeypatch.setattr(waiting, "UNDO_LIMIT", 1.0)
    await undone("channel:2", answer("y", Unreachable("it rained")))
    await undone("channel:3", answer("z"))

    assert DONE == ["y", "z"]
    assert [record.message for record in caplog.records] == ["ari_end_failed"] * 2


async def test_first_of() -> None:
    """The others are cancelled, and have ended; what the first one raised is raised."""
    await first_of(answer("x"), asyncio.sleep(9))
    with pytest.raises(Unreachable):
        await first_of(asyncio.sleep(9), answer("y", Unreachable("it rained")))

    assert DONE == ["x", "y"]
    assert len(asyncio.all_tasks()) == 1
