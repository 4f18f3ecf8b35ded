"""G10. The same program serves calls on every line: ours to Asterisk, its one, or its many to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_serving import back_in_the_dialplan, until
from dialogari.ari import Call, PlaybackEnd

if TYPE_CHECKING:
    from ari_line import Line


async def test_whole_visit(line: Line) -> None:
    """Whatever a handler can do to its call it can do on every line."""
    said: list[object] = []

    async def handle(call: Call) -> None:
        session = call.session
        await call.answer()
        await call.set_variables({"A": "1,2", "B": "ñ"})
        said.append(await call.get_variable("GIVEN"))
        said.append(await call.play("digits:1"))
        said.append(await call.get_variable("A"))
        async with session.bridge() as bridge, session.originate("Local/up@line/n") as other:
            await bridge.add(call, other)
            await until(lambda: set(bridge.channels) == {call.id, other.id})
        async with call.recording(f"of-{line.app}", seconds=5):
            pass
        said.append((await session.recordings.get_stored(f"of-{line.app}")).name)
        said.append(call)

    async with line.serving(handle) as client:
        phone = await line.call()
        await until(lambda: len(said) == 5)
        assert said[:3] == ["by the dialplan", PlaybackEnd.DONE, "1,2"]
        call = said[4]
        assert isinstance(call, Call)
        assert call.arguments[0] == "one"
        await back_in_the_dialplan(phone, call)
        await until(lambda: client.calls == 0)
