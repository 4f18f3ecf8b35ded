"""Which events go to whom: each listener is an ordered queue for the objects it asked about.

An event names the objects it concerns as keys, such as `channel:1234.5` or `bridge:b1`
(`Event.keys`), so that routing is one look-up a key, however many listeners there are. The
reader of the events socket puts and never waits; whoever listens takes in its own time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from dialogari.ari.errors import ListenerOverflowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.recovery import Lost, Recovered, Resumed

    Told = Event | UnknownEvent | Recovered | Resumed | Lost

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

LONGEST_QUEUE = 10_000
"""Events a listener may leave untaken: more are a fault of its program, and it is told so."""
MOST_EARLY = 256


class Listener(Generic[E]):
    """Events of some objects, in the order they came; between `async with` none is missed.

        async with call.listen(ChannelDtmfReceived) as keys:
            async for key in keys:
                print(key.digit)

    It ends when what it listens to is gone, after the last event is taken.
    """

    __slots__ = (
        "_early",
        "_ended",
        "_limit",
        "_overflowed",
        "_queue",
        "_router",
        "_types",
        "_waiter",
        "keys",
    )

    def __init__(
        self,
        router: Router,
        keys: Iterable[str],
        types: tuple[type[E], ...],
        early: EarlyEvents | None = None,
        *,
        limit: int | None = None,
    ) -> None:
        self.keys = set(keys)
        """What it hears of; empty: of everything."""
        self._router = router
        self._types = types
        self._early = early
        self._limit = LONGEST_QUEUE if limit is None else limit
        self._queue: deque[E] | None = None
        """Of events that nobody waited for; made when it is needed, for it has 600 bytes."""
        self._waiter: asyncio.Future[E | None] | None = None
        """Of who waits because the queue is empty: the next event, or None where none comes."""
        self._ended = False
        self._overflowed = False

    def __repr__(self) -> str:
        types = ", ".join(one.__name__ for one in self._types) or "all events"
        keys = ", ".join(sorted(self.keys)) or "everything"
        return f"<Listener for {types} of {keys} holds: {self.waiting}>"

    async def __aenter__(self) -> Self:
        self._router.add(self)
        if self._early is not None:
            for event in self._early.take():
                self.put(event)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._router.remove(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        if self._queue:
            return self._queue.popleft()
        if self._overflowed:
            raise ListenerOverflowed(self._limit)
        if self._ended:
            raise StopAsyncIteration
        # Not `loop.create_future()`, whose two calls more for each event can be measured.
        waiter = self._waiter = asyncio.Future()
        try:
            event = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (event := waiter.result()) is not None:
                self._take_back(event)
            raise
        finally:
            if self._waiter is waiter:  # and not already that of who waits next
                self._waiter = None
        if event is None:
            raise StopAsyncIteration
        return event

    def _take_back(self, event: E) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(event)
        else:
            self._held().appendleft(event)

    def put(self, event: Told) -> None:
        """Take an event that concerns one of the keys; one of another type is passed over."""
        if self._types and not isinstance(event, self._types):
            return
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(event)  # pyright: ignore[reportArgumentType] - of a type asked for
        elif self.waiting < self._limit and not self._overflowed:
            self._held().append(event)  # pyright: ignore[reportArgumentType] - likewise
        else:
            self._overflowed = True

    def _held(self) -> deque[E]:
        if self._queue is None:
            self._queue = deque()
        return self._queue

    @property
    def waiting(self) -> int:
        """How many events have come that were not taken yet."""
        return len(self._queue) if self._queue is not None else 0

    def drain(self) -> Sequence[E]:
        """Return what it holds, which it then holds no more."""
        held, self._queue = self._queue, None
        return held or ()

    def end(self) -> None:
        """Have it end once what it holds is taken."""
        self._ended = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Hearer(Protocol):
    """Whoever hears of some objects. Neither method may block."""

    keys: set[str]
    """What it hears of; empty: of everything."""

    def put(self, event: Told) -> None:
        """Take an event that concerns one of the keys; once, however many it concerns."""
        ...

    def end(self) -> None:
        """Take note that no more events come."""
        ...


class EarlyEvents:
    """What came of an object before anyone listened, for the first who does.

    A call's handler begins a moment after its StasisStart, and more may have come with that. Past
    `MOST_EARLY` events nothing is kept: whoever listens so late does not ask for the beginning.
    """

    def __init__(self, router: Router, key: str) -> None:
        self._router = router
        self._listener: Listener[Told] = Listener(router, (key,), (), limit=MOST_EARLY + 1)
        router.add(self._listener)

    def take(self) -> Sequence[Told]:
        """Return them in order, once, and keep no more."""
        self._router.remove(self._listener)
        found = self._listener.drain()
        return found if len(found) <= MOST_EARLY else ()


class Router:
    """Gives each event to the listeners of the objects it concerns."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[Hearer, ...]] = {}
        self._of_all: tuple[Hearer, ...] = ()
        self._over = False

    def __len__(self) -> int:
        """How many objects somebody listens to."""
        return len(self._by_key)

    def add(self, listener: Hearer) -> None:
        """Let a listener hear from now on; it ends at once where nothing will come any more."""
        for key in listener.keys:
            self._by_key[key] = (*self._by_key.get(key, ()), listener)
        if not listener.keys:
            self._of_all = (*self._of_all, listener)
        if self._over:
            listener.end()

    def remove(self, listener: Hearer) -> None:
        """Let it hear no more."""
        self._of_all = _without(self._of_all, listener)
        for key in listener.keys:
            if remaining := _without(self._by_key.get(key, ()), listener):
                self._by_key[key] = remaining
            else:
                self._by_key.pop(key, None)

    def route(self, event: Event | UnknownEvent) -> None:
        """Give an event from the socket to its listeners."""
        listeners = self._of_all
        if self._by_key:
            find = self._by_key.get
            for key in event.keys():  # noqa: SIM118 - it is no dict
                found = find(key)
                if found is not None:
                    listeners = _together(listeners, found) if listeners else found
        for listener in listeners:
            listener.put(event)

    def tell_all(self, event: Recovered) -> None:
        """Give it to every listener, whatever it listens to."""
        for listener in self._listeners(self._by_key.keys()) | {*self._of_all}:
            listener.put(event)

    def tell(self, key: str, event: Resumed | Lost) -> None:
        """Give what we found out ourselves to the listeners of an object."""
        for listener in self._by_key.get(key, ()):
            listener.put(event)
        for listener in self._of_all:
            listener.put(event)

    def end(self, keys: set[str]) -> None:
        """End the listeners that hear of this object, by any of its keys, and of no other."""
        for listener in self._listeners(keys):
            if listener.keys <= keys:
                listener.end()

    def end_all(self) -> None:
        """End every listener, and those to come: there is nothing more to hear."""
        self._over = True
        for listener in self._listeners(self._by_key.keys()) | {*self._of_all}:
            listener.end()

    def _listeners(self, keys: Iterable[str]) -> set[Hearer]:
        return {listener for key in keys for listener in self._by_key.get(key, ())}

    def rename(self, old: str, new: str) -> None:
        """Have the listeners of an object hear of what took its place as well."""
        for listener in self._by_key.get(old, ()):
            listener.keys.add(new)
            self._by_key[new] = _together(self._by_key.get(new, ()), (listener,))


def _without(listeners: tuple[Hearer, ...], listener: Hearer) -> tuple[Hearer, ...]:
    return tuple(one for one in listeners if one is not listener)


def _together(some: tuple[Hearer, ...], others: tuple[Hearer, ...]) -> tuple[Hearer, ...]:
    """Return all of them, each once."""
    return tuple(dict.fromkeys((*some, *others)))
