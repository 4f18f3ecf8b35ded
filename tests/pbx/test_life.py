"""Whatever dies, no call is left hanging: hang-ups, cuts, kills, restarts, takeovers, load."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from ari_serving import connect_to
from cable import Cable
from dialogari.ari import ApplicationReplaced, Client
from dialogari.sandbox.asterisk import Asterisk
from pbx_fixtures import make_settings, running_bridge, start_process
from phone import DIALPLAN, Phone
from releases import newest_alone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.app.bridge import Bridge
    from dialogari.ari import Call
    from dialogari.config import Settings
    from dialogari.sandbox.installation import Installation
    from model_stub import ModelStub


@pytest_asyncio.fixture
async def own_asterisk(each_installation: Installation) -> AsyncGenerator[Asterisk]:
    """An Asterisk that the test may kill."""
    async with Asterisk(each_installation, dialplan=DIALPLAN) as running:
        yield running


async def until(condition: object, limit: float = 10.0) -> None:
    """Wait until `condition()` is true."""
    assert callable(condition)
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


async def ready(bridge: Bridge) -> bool:
    """Ask /readyz."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bridge.web_port}/readyz") as answer,
    ):
        return answer.status == 200


async def test_hang_up_closes_the_model(phone: Phone, stub: ModelStub) -> None:
    """When the caller hangs up in mid-turn the model's connection closes within a second."""
    stub.fault = "stall"
    tag = await phone.dial("hello")
    await until(lambda: stub.asked)

    hung_up = asyncio.get_running_loop().time()
    await phone.hang_up(tag)
    await until(lambda: stub.abandoned)

    assert stub.abandoned[0] - hung_up < 1.0


async def test_memory_survives_a_restart(
    asterisk: Asterisk, stub: ModelStub, settings: Settings
) -> None:
    """The next turn of a conversation, under a new bridge, knows the one before."""
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        first = await phone.call("my name is Ada", "bare_named", NAME="kept")
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        second = await phone.call("what is my name", "bare_named", NAME="kept")

    assert (first["AI_TURN"], second["AI_TURN"]) == ("1", "2")
    said = [message["content"] for message in stub.asked[1].messages if message["role"] != "system"]
    assert said == ["my name is Ada", "You said my name is Ada", "what is my name"]


async def test_a_prompt_knows_the_facts(phone: Phone, stub: ModelStub) -> None:
    """Facts of the dialplan are filled into the prompt."""
    await phone.call("hello", PROMPT="reception", MORE="VIP=This caller is a friend.")

    assert stub.asked[0].instructions == "You are the reception. This caller is a friend."


async def test_asterisk_is_killed_and_comes_back(
    own_asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """Turns of dead calls are dropped, the bridge goes unready, and answers the next call."""
    settings = make_settings(own_asterisk, stub, tmp_path, turn_deadline=30.0)
    async with running_bridge(settings) as bridge:
        stub.fault = "stall"
        async with Phone(own_asterisk, settings.asterisk_app_name) as phone:
            await phone.dial("hello")
            await until(lambda: stub.asked)
            await own_asterisk.kill()
            await until(lambda: not bridge.linked)
            assert not await ready(bridge)
        await own_asterisk.start()
        async with asyncio.timeout(15):
            await bridge.wait_until_ready()
        await until(lambda: stub.abandoned)
        stub.fault = ""
        async with Phone(own_asterisk, settings.asterisk_app_name) as phone:
            back = await phone.call("again")
        assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "You said again")
        assert await ready(bridge)


async def test_the_bridge_is_killed_and_comes_back(
    asterisk: Asterisk, stub: ModelStub, settings: Settings
) -> None:
    """A call whose bridge died is given back by the next one as `error`, within seconds."""
    stub.fault = "stall"
    async with Phone(asterisk, settings.asterisk_app_name) as phone:
        async with start_process(settings) as process:
            tag = await phone.dial("hello")
            await until(lambda: stub.asked)
            process.kill()
            await process.wait()
        away = await phone.call("nobody is there")
        assert away.stasis_status == "FAILED"
        assert not phone.came_back(tag)

        began = time.monotonic()
        async with start_process(settings):
            back = await phone.wait(tag)
            assert time.monotonic() - began < 10
            assert (back["AI_STATUS"], back["ARI_ERROR"]) == ("error", "bridge_restarted")
            assert (back["AI_RESPONSE"], back.branch) == ("Please hold the line.", "human")
            stub.fault = ""
            answered = await phone.call("hello again")
            assert answered["AI_STATUS"] == "ok"


@newest_alone
async def test_the_bridge_is_terminated(
    asterisk: Asterisk, stub: ModelStub, settings: Settings
) -> None:
    """SIGTERM: the running turn is answered, a new call goes back as busy, exit code 0."""
    stub.delay = 1.5
    async with (
        Phone(asterisk, settings.asterisk_app_name) as phone,
        start_process(settings) as process,
    ):
        running = await phone.dial("finish me")
        await until(lambda: stub.asked)
        process.terminate()
        await asyncio.sleep(0.3)
        late = await phone.call("too late")
        back = await phone.wait(running)
        async with asyncio.timeout(10):
            code = await process.wait()

    assert (late["AI_STATUS"], late["AI_ERROR"]) == ("busy", "shutting_down")
    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "You said finish me")
    assert code == 0


async def test_the_net_of_the_dialplan(asterisk: Asterisk, stub: ModelStub) -> None:
    """With the bridge dead, TIMEOUT(absolute) takes the call out of Stasis to exten T."""
    stub.fault = "stall"
    async with (
        connect_to(asterisk, "dead-app") as dead,
        asyncio.TaskGroup() as tasks,
    ):
        serving = tasks.create_task(dead.serve(_never, resumed=_never))
        await dead.wait_until_ready()
        async with Phone(asterisk, "dead-app") as phone:
            back = await phone.call("hello", "net", LIMIT="1")
        serving.cancel()

    assert (back.net, back["AI_STATUS"], back.branch) == ("caught", "", "human")


async def _never(_call: Call) -> None:
    await asyncio.sleep(3600)


async def test_the_socket_is_cut_while_turns_run(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """Turns that run while the socket breaks are answered; one whose caller left is dropped."""
    stub.delay = 1.0
    port = urlsplit(asterisk.url).port
    assert port is not None
    async with Cable(port) as cable:
        settings = make_settings(
            asterisk, stub, tmp_path, asterisk_ari_url=f"http://127.0.0.1:{cable.port}/ari"
        )
        async with (
            running_bridge(settings) as bridge,
            Phone(asterisk, settings.asterisk_app_name) as phone,
        ):
            tags = [await phone.dial(f"call {number}") for number in range(10)]
            await until(lambda: len(stub.asked) == 10)
            cable.cut()
            backs = [await phone.wait(tag) for tag in tags]
            assert [back["AI_STATUS"] for back in backs] == ["ok"] * 10

            stub.fault = "stall"
            await bridge.wait_until_ready()
            tag = await phone.dial("leaving")
            await until(lambda: len(stub.asked) == 11)
            cable.cut()
            await phone.hang_up(tag)
            await until(lambda: stub.abandoned)
            await bridge.wait_until_ready()
            assert await ready(bridge)


@newest_alone
async def test_another_client_takes_the_application(
    asterisk: Asterisk,
    stub: ModelStub,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Running turns finish, the bridge goes unready and never takes the application back."""
    stub.delay = 1.0
    async with (
        running_bridge(settings) as bridge,
        Phone(asterisk, settings.asterisk_app_name) as phone,
        connect_to(phone.server, settings.asterisk_app_name) as thief,
        asyncio.TaskGroup() as tasks,
    ):
        tag = await phone.dial("mine")
        await until(lambda: stub.asked)
        serving = tasks.create_task(thief.serve(_never, resumed=_never))
        await thief.wait_until_ready()
        await until(lambda: not bridge.linked)
        assert not await ready(bridge)
        assert [r.getMessage() for r in caplog.records if r.levelname == "CRITICAL"] == [
            "application_taken_over"
        ]

        back = await phone.wait(tag)
        assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "You said mine")

        await asyncio.sleep(6)
        assert not serving.done()  # nobody has thrown the thief out
        assert not bridge.linked
        serving.cancel()


async def test_the_thief_is_told_too(asterisk: Asterisk) -> None:
    """A client that is replaced ends with ApplicationReplaced."""
    async with connect_to(asterisk, "twice") as first, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(_expect_replacement(first))
        await first.wait_until_ready()
        async with connect_to(asterisk, "twice"), asyncio.timeout(10):
            await serving


async def _expect_replacement(client: Client) -> None:
    with pytest.raises(ApplicationReplaced):
        await client.serve(_never, resumed=_never)


async def test_two_hundred_calls_fifty_at_a_time(phone: Phone, stub: ModelStub) -> None:
    """Every one of 200 calls gets its own answer."""
    stub.delay = 0.2
    places = asyncio.Semaphore(50)

    async def one(number: int) -> tuple[str | None, str | None]:
        async with places:
            back = await phone.call(f"call number {number}", limit=30)
            return back["AI_STATUS"], back["AI_RESPONSE"]

    results = await asyncio.gather(*(one(number) for number in range(200)))

    assert results == [("ok", f"You said call number {number}") for number in range(200)]
    assert len(stub.asked) == 200


async def test_two_questions_of_one_conversation_wait_for_each_other(
    phone: Phone, stub: ModelStub
) -> None:
    """Turns of one conversation are told in order, the second knowing the first."""
    stub.delay = 0.3
    backs = await asyncio.gather(
        *(phone.call(words, "bare_named", NAME="both") for words in ("one", "two"))
    )

    assert sorted(back["AI_TURN"] or "" for back in backs) == ["1", "2"]
    assert len(stub.asked[1].messages) == len(stub.asked[0].messages) + 2


async def test_cuts_at_random_lose_no_call(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """With the link cut 20 times under 150 calls, each one is back, answered or told why not."""
    stub.delay = 0.1
    chance = random.Random(7)  # noqa: S311 - cuts that come back the same, no secret
    port = urlsplit(asterisk.url).port
    assert port is not None
    async with Cable(port) as cable:
        settings = make_settings(
            asterisk, stub, tmp_path, asterisk_ari_url=f"http://127.0.0.1:{cable.port}/ari"
        )
        async with (
            running_bridge(settings) as bridge,
            Phone(asterisk, settings.asterisk_app_name) as phone,
        ):
            places = asyncio.Semaphore(15)

            async def one(number: int) -> tuple[str, str | None]:
                async with places:
                    back = await phone.call(f"call {number}", limit=20)
                    return back.stasis_status, back["AI_STATUS"]

            async def cut() -> None:
                for _ in range(20):
                    await asyncio.sleep(chance.uniform(0.02, 0.3))
                    cable.cut()

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(cut())
                calls = [tasks.create_task(one(number)) for number in range(150)]
            async with asyncio.timeout(10):
                await bridge.wait_until_ready()

    ends = Counter(call.result() for call in calls)
    assert set(ends) <= {("SUCCESS", "ok"), ("SUCCESS", "error"), ("FAILED", "")}, ends
    assert ends["SUCCESS", "ok"] > 0
