"""A test double for Asterisk that speaks its real protocol: HTTP and WebSocket on loopback.

    import asyncio
    from dialogari.ari import Call, connect
    from dialogari.ari.testing import FakeAsterisk

    async def greet(call: Call) -> None:  # the program under test
        await call.set_variables({"GREETING": f"hello {await call.get_variable('NAME')}"})
        await call.continue_in_dialplan()

    async def test_greet() -> None:
        async with FakeAsterisk() as fake, asyncio.TaskGroup() as tasks:
            user = {"username": fake.username, "password": fake.password}
            async with connect(fake.url, "greeter", **user) as client:
                serving = tasks.create_task(client.serve(greet))
                await client.wait_until_ready()
                call = await fake.enter_stasis("greeter", variables={"NAME": "Ann"})
                await call.left()
                serving.cancel()
            assert call.variables == {"GREETING": "hello Ann"}

What a caller or a callee does are methods of `FakeCall`: `press`, `hang_up`, `answer`, `reject`,
`leave`, `replace_with`. Whom the application calls is in `FakeAsterisk.callees`, how long media
last in `sounds`, what stands in the dialplan in `extensions`. `connect_out` has Asterisk connect
to a listening application, with one socket or one for each call. What goes wrong is injected with
`Fault` and the methods of `FakeAsterisk`.

It answers as Asterisk 22.10 does or, without its newer abilities, as an older one; `rest` holds
the operations it has. The same checks run on it and on a real Asterisk, so that it can't drift.
There is no sound in it, no SIP, and of a Local channel only the half that is dialled.
"""

from dialogari.ari.testing.call import FakeCall
from dialogari.ari.testing.callee import Callee
from dialogari.ari.testing.fake import FakeAsterisk
from dialogari.ari.testing.fault import Fault
from dialogari.ari.testing.outbound import Outbound

__all__ = ["Callee", "FakeAsterisk", "FakeCall", "Fault", "Outbound"]
