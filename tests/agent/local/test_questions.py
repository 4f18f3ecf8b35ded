"""The judge of the model's answers judges rightly."""

from __future__ import annotations

import pytest

from agent.local.questions import DEMO, FURTHER, simplify

SATURDAY, PARKING = DEMO[1], DEMO[2]
MEN = FURTHER[1]


def test_right_answers() -> None:
    """Plain right answers have no faults."""
    assert not SATURDAY.faults("On Saturday we are open from ten to two.")
    assert not PARKING.faults("Sí, es gratuito y está detrás del edificio.")
    assert not MEN.faults("It's twenty euros.")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("It's 35 euros.", "lacks"),
        ("A men's haircut is 20 euros, colouring is 60.", "has"),
        ("Para hombres 20 euros, gracias.", "is not en"),
        ("**20** euros", "markup"),
        ("20 " * 61, "too long"),
    ],
)
def test_wrong_answers(answer: str, fault: str) -> None:
    """A wrong fact, a further wrong fact, the wrong language, markup and length are faults."""
    assert any(fault in found for found in MEN.faults(answer))


def test_simplify() -> None:
    """Accents, case and typographic apostrophes make no difference."""
    assert simplify("SÍ, don\N{RIGHT SINGLE QUOTATION MARK}t") == "si, don't"
