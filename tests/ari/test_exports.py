"""What `dialogari.ari` offers."""

from __future__ import annotations

from types import ModuleType

from dialogari import ari
from dialogari.ari import AriError, errors

PUBLIC_ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and value.__module__ == errors.__name__
}


def test_sorted() -> None:
    """The list of names is sorted and has no name twice."""
    assert ari.__all__ == sorted(set(ari.__all__))


def test_importable() -> None:
    """Every name of the list is there."""
    assert [name for name in ari.__all__ if not hasattr(ari, name)] == []


def test_complete() -> None:
    """Whatever the package imports for its users is in the list."""
    offered = {
        name
        for name, value in vars(ari).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert offered == set(ari.__all__)


def test_errors() -> None:
    """All errors, and what they tell, can be imported from the package."""
    assert set(ari.__all__) >= PUBLIC_ERRORS


def test_one_root() -> None:
    """Whatever can go wrong is an AriError; that a call ended is none."""
    others = {
        name
        for name in PUBLIC_ERRORS
        if issubclass(getattr(errors, name), Exception)
        and not issubclass(getattr(errors, name), AriError)
    }

    assert others == {"ChannelGone"}
