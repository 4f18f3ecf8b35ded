"""The REST operations of a FakeAsterisk, whichever way they come: HTTP or the events socket.

`RestInterface.begin` carries out a `Command` and returns its `Answer`; events are told on the
way. Statuses and messages are those of Asterisk 22.10, oddities included: compare the tests,
which ask a real one the same. One module holds the operations of one resource.
"""

from __future__ import annotations

from dialogari.ari.testing.rest.command import Answer, Command, Refusal, Thread
from dialogari.ari.testing.rest.router import RestInterface

__all__ = ["Answer", "Command", "Refusal", "RestInterface", "Thread"]
