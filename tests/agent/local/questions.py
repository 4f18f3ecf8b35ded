"""The questions a local model must answer from the demo prompt before it may be the default.

Written down before any model was tried. A demo conversation of three turns (the second needs the
memory of the first, the third changes the language) and twelve single questions in English and
Spanish: facts that stand in the prompt, and four things that it does not say, where the right
answer is "I don't know" with an offer to take a message. An answer is judged by patterns on its
text without accents and in lower case; the language of the answer and its length count too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LONGEST_ANSWER = 60
"""Words; the prompt asks for one or two short sentences."""

FOREIGN = {
    "en": r"\b(los|las|el|estamos|tenemos|puedo|gracias|horas|euros? por)\b",
    "es": r"\b(the|we|our|you|your|is|are|have|from|open|closed)\b",
}
"""Words that betray an answer in the wrong language, by the language asked for."""

MARKUP = r"[*#`|<>{}\[\]]|\n\s*[-\d]"

UNKNOWN = (
    r"not (have|know|sure)|don'?t (have|know)|no (information|tengo|dispongo|se\b)"
    r"|message|recado|mensaje"
)
"""What honest ignorance sounds like in both languages."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing a caller asks, and how its answer is judged."""

    text: str
    language: str
    must: tuple[str, ...]
    """Patterns that must all be found."""
    must_not: tuple[str, ...] = ()

    def faults(self, answer: str) -> list[str]:
        """Return what is wrong with an answer, an empty list when nothing is."""
        plain = simplify(answer)
        wrong = [f"lacks {pattern}" for pattern in self.must if not re.search(pattern, plain)]
        wrong += [f"has {pattern}" for pattern in self.must_not if re.search(pattern, plain)]
        if re.search(FOREIGN[self.language], plain):
            wrong.append(f"is not {self.language}")
        if re.search(MARKUP, answer):
            wrong.append("has markup")
        if len(plain.split()) > LONGEST_ANSWER:
            wrong.append("is too long")
        return wrong


def simplify(text: str) -> str:
    """Return the text in lower case, without accents, with plain apostrophes."""
    decomposed = unicodedata.normalize(
        "NFKD", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


NINE = r"\b(9|nine|nueve)\b"
SEVEN_PM = r"\b(7|19|seven|siete)\b"
TEN = r"\b(10|ten|diez)\b"
TWO_PM = r"\b(2|14|two|dos)\b"

DEMO = (
    Question("What are your opening hours during the week?", "en", (NINE, SEVEN_PM)),
    Question(
        "And on Saturday?", "en", (TEN, TWO_PM), (r"\bnine\b|\b9\b", "not open", "closed on sat")
    ),
    Question("¿Tienen aparcamiento?", "es", (r"gratis|gratuit", r"detras|atras|trasera")),
)
"""The demo's conversation, asked in one session."""

FURTHER = (
    Question("Where are you located?", "en", (r"\b(12|twelve)\b", "harbour street")),
    Question("How much is a haircut for men?", "en", (r"\b(20|twenty)\b",), (r"\b(35|15|60)\b",)),
    Question("Are you open on Sundays?", "en", (r"closed|not open|\bno\b",), (r"\byes\b",)),
    Question(
        "Can I pay by card?", "en", (r"\byes\b|card",), (r"only cash|cash only|cannot|can't",)
    ),
    Question(
        "What does colouring cost, and how long does it take?",
        "en",
        (r"\b(60|sixty)\b", r"\b(2|two) hours"),
    ),
    Question("Do you offer manicures?", "en", (UNKNOWN,), (r"\byes\b", "euro")),
    Question(
        "Is Anna working this Tuesday?", "en", (UNKNOWN,), (r"\byes\b", "anna (is|will|works)")
    ),
    Question(
        "¿Cuánto cuesta un corte de mujer?", "es", (r"\b35|treinta y cinco",), (r"\b(20|15|60)\b",)
    ),
    Question("¿A qué hora cierran los viernes?", "es", (SEVEN_PM,), (r"\b(14|18|20)\b",)),
    Question("¿En qué calle están?", "es", ("harbour street",)),
    Question("¿Venden tarjetas regalo?", "es", (UNKNOWN,), (r"^si\b", "euros")),
    Question("¿Puedo llevar a mi perro?", "es", (UNKNOWN,), (r"^si\b",)),
)
"""Each asked in a session of its own."""
