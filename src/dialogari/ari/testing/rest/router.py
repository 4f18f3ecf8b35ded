"""Finds the operation for a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialogari.ari.testing.rest.applications import application_routes
from dialogari.ari.testing.rest.asterisk import AsteriskOperations
from dialogari.ari.testing.rest.bridges import BridgeOperations
from dialogari.ari.testing.rest.channels import ChannelOperations
from dialogari.ari.testing.rest.command import Refusal
from dialogari.ari.testing.rest.devices import device_routes
from dialogari.ari.testing.rest.media import media_routes
from dialogari.ari.testing.rest.originate import originate_routes
from dialogari.ari.testing.rest.variables import variable_routes

if TYPE_CHECKING:
    import asyncio

    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Answer, Command, Handler, Routes


@dataclass(slots=True)
class Node:
    """One segment of the paths there are."""

    below: dict[str, Node] = field(default_factory=dict[str, "Node"])
    """By segment; `*` stands for any that is not named, and a named one is never looked past."""
    methods: dict[str, Handler] = field(default_factory=dict[str, "Handler"])


class RestInterface:
    """All the operations there are."""

    def __init__(
        self, exchange: Exchange, version: str, *, rest_over_websocket: bool, bulk_variables: bool
    ) -> None:
        self.rest_over_websocket = rest_over_websocket
        asterisk = AsteriskOperations(exchange, version, rest_over_websocket, bulk_variables)
        self._root = Node()
        for routes in (
            application_routes(exchange),
            asterisk.routes(),
            BridgeOperations(exchange).routes(),
            ChannelOperations(exchange).routes(),
            device_routes(exchange),
            media_routes(exchange),
            originate_routes(exchange),
            variable_routes(exchange, bulk=bulk_variables),
        ):
            self._add(routes)

    def _add(self, routes: Routes) -> None:
        for path, methods in routes.items():
            node = self._root
            for segment in path.split("/"):
                node = node.below.setdefault(segment, Node())
            node.methods |= methods

    def begin(self, command: Command) -> Answer | asyncio.Future[Answer]:
        """Carry a command out; one that waits for its channel's turn is answered later."""
        try:
            return self._find(command)(command)
        except Refusal as refusal:
            return refusal.answer

    def _find(self, command: Command) -> Handler:
        node = self._root
        for segment in command.path:
            following = node.below.get(segment) or node.below.get("*")
            if following is None:
                raise Refusal(404, "Resource not found")
            node = following
        if not node.methods:
            raise Refusal(404, "Resource not found")
        if command.method not in node.methods:
            raise Refusal(405, "Invalid method")
        return node.methods[command.method]
