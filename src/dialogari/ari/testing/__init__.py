"""A test double for Asterisk that speaks its real protocol: HTTP and WebSocket on loopback.

    async with FakeAsterisk() as fake:
        ...  # connect a client to fake.url with fake.username and fake.password
        call = await fake.enter_stasis("my-app", ["NAME=value"], {"USER_INPUT": "hello"})
        await call.left()
        assert call.variables == {"AI_STATUS": "ok"}

It answers as Asterisk 22.10 does or, without its newer abilities, as an older one; `rest` lists
the operations it has. The same checks run on it and on a real Asterisk, so that it can't drift.
Faults are injected with `Fault` and the methods of `FakeAsterisk`.
"""

from dialogari.ari.testing.call import FakeCall
from dialogari.ari.testing.callee import Callee
from dialogari.ari.testing.fake import FakeAsterisk
from dialogari.ari.testing.fault import Fault
from dialogari.ari.testing.outbound import Outbound

__all__ = ["Callee", "FakeAsterisk", "FakeCall", "Fault", "Outbound"]
