"""What must be known to its end is awaited to its end, however often one is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from ari_serving import connect_to, until
from dialogari.ari import RequestFailed, Unreachable
from dialogari.ari.handles import waiting
from dialogari.ari.handles.waiting import first_of, settled, undone
from dialogari.ari.testing import FakeAsterisk


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


async def test_undone(
    fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That it fails is logged and not raised; what could not be told is told later."""
    monkeypatch.setattr(waiting, "UNDO_LIMIT", 0.1)
    refused = RequestFailed("DELETE channels/1", 500, "not now")
    answers = iter([Unreachable("it rained"), None])

    async with connect_to(fake, app) as client:
        await client.wait_until_ready()
        caplog.set_level("INFO", "dialogari.ari.handles")
        await undone(client.session, "channel:1", lambda: answer("x", refused))
        await undone(client.session, "channel:2", lambda: answer("y", next(answers)))
        assert DONE == ["x", "y"]
        await until(lambda: DONE == ["x", "y", "y"])

    assert [record.message for record in caplog.records] == ["ari_end_failed", "ari_end_delayed"]


async def test_undone_in_vain(
    fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up in the end."""
    monkeypatch.setattr(waiting, "UNDO_LIMIT", 0.01)
    monkeypatch.setattr(waiting, "INSIST_LIMIT", 0.3)

    async with connect_to(fake, app) as client:
        await client.wait_until_ready()
        await undone(client.session, "channel:1", lambda: answer("x"))
        await until(lambda: caplog.messages)

    assert caplog.messages == ["ari_end_failed"]
    assert DONE == []


async def test_first_of() -> None:
    """The others are cancelled, and have ended; what the first one raised is raised."""
    await first_of(answer("x"), asyncio.sleep(9))
    with pytest.raises(Unreachable):
        await first_of(asyncio.sleep(9), answer("y", Unreachable("it rained")))

    assert DONE == ["x", "y"]
    assert len(asyncio.all_tasks()) == 1
