"""What a turn may ask of its call: whether the dialplan has a place for a transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari import AriError, ChannelGone

if TYPE_CHECKING:
    from dialogari.ari import Call

TRANSFERS = "ai-transfer"
"""The context in which each target of a transfer is an extension."""


class ChannelControl:
    """Plays `dialogari.telephone.CallControl` for one call."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def has_target(self, name: str) -> bool | None:
        """Return whether there is an extension `name` in `ai-transfer`.

        None where that context is not there, because the site has its targets elsewhere, where
        Asterisk does not say, or where the call is back in the dialplan with the first piece of
        its answer.
        """
        try:
            if await self._exists(f"{TRANSFERS},{name},1"):
                return True
            return False if await self._exists(TRANSFERS) else None
        except (AriError, ChannelGone):
            return None

    async def _exists(self, place: str) -> bool:
        return await self._call.get_variable(f"DIALPLAN_EXISTS({place})") == "1"
