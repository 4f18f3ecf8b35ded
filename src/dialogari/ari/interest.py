"""What an application wants to hear, told to Asterisk again after each connect.

Asterisk keeps the event filter and the subscriptions with the application, and forgets both with
it: when the socket drops and no channel, bridge or other subscription is left (measured on 22.10).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dialogari.ari.errors import RequestFailed
from dialogari.ari.operations import Applications

if TYPE_CHECKING:
    from dialogari.ari.request import Send

logger = logging.getLogger(__name__)

EVERYTHING = ("channel:", "bridge:", "endpoint:", "deviceState:")
"""The sources that `subscribeAll` means. Asked for one by one as well, because Asterisk ignores
`subscribeAll` where the application is left over from a connection without it (22.10)."""
DISALLOWED = ("ChannelVarset", "ChannelDialplan")
"""Each variable we set would come back as an event with its whole value."""


class Interest:
    """The event filter and the subscriptions of one application."""

    def __init__(
        self, *, disallowed: tuple[str, ...] = DISALLOWED, subscribe_all: bool = False
    ) -> None:
        self.subscribe_all = subscribe_all
        self._disallowed = disallowed
        self._sources: dict[str, None] = {}

    async def tell(self, send: Send, application: str) -> None:
        """Have Asterisk know it all. What a source's object did not survive is given up.

        Raises:
            AriError: the filter was refused, or Asterisk can't be reached.
        """
        applications = Applications(send)
        if self._disallowed:
            # Never the `allowed` form: it also swallows the answers to commands sent over the
            # events socket (measured on 22.10).
            types = [{"type": name} for name in self._disallowed]
            await applications.filter(application, filter={"disallowed": types})
        if self.subscribe_all:
            await applications.subscribe(application, EVERYTHING)
        for source in list(self._sources):
            try:
                await applications.subscribe(application, [source])
            except RequestFailed as error:
                self._sources.pop(source, None)
                logger.info("ari_subscription_over", extra={"cause": str(error)})

    async def add(self, send: Send, application: str, source: str) -> None:
        """Subscribe to a source, such as `endpoint:PJSIP/alice`, and remember it.

        Raises:
            AriError: there is no such thing, or Asterisk can't be reached.
        """
        await Applications(send).subscribe(application, [source])
        self._sources[source] = None

    async def remove(self, send: Send, application: str, source: str) -> None:
        """Unsubscribe from a source.

        Raises:
            AriError: as `add`.
        """
        self._sources.pop(source, None)
        await Applications(send).unsubscribe(application, [source])

    def forget(self, source: str) -> None:
        """Take note that Asterisk has forgotten a source by itself."""
        self._sources.pop(source, None)
