"""Finds what a request is about, or refuses it as Asterisk does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.testing.rest.command import Refusal

if TYPE_CHECKING:
    from dialogari.ari.testing.applications import Registration
    from dialogari.ari.testing.bridge import Bridge
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.leg import Leg


def find_application(exchange: Exchange, name: str) -> Registration:
    """Return an application that is known."""
    known = exchange.applications.get(name)
    if known is None:
        raise Refusal(404, "Application not found")
    return known


def find_leg(exchange: Exchange, name: str) -> Leg:
    """Return a channel."""
    leg = exchange.legs.get(name)
    if leg is None:
        raise Refusal(404, "Channel not found")
    return leg


def controlled(leg: Leg) -> Leg:
    """Return a channel that is in Stasis."""
    if leg.application is None:
        raise Refusal(409, "Channel not in Stasis application")
    return leg


def find_bridge(exchange: Exchange, name: str) -> Bridge:
    """Return a bridge."""
    bridge = exchange.bridges.get(name)
    if bridge is None:
        raise Refusal(404, "Bridge not found", "Not found")
    return bridge
