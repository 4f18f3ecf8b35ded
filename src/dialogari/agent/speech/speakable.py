"""A whole answer made fit to be spoken."""

from __future__ import annotations

from dialogari.agent.speech.language import say_in
from dialogari.agent.speech.markdown import strip_markdown


def make_speakable(text: str, language: str | None = None) -> str:
    """Return a model's answer as plain text that any voice reads well, one block a line.

    Markdown and emoji go. In English and Spanish what voices read badly is written out: addresses,
    amounts, measures, dates, times, telephone numbers, abbreviations, signs. Whatever may mean two
    things stays as it is rather than being said wrongly. Never raises.

    Args:
        text: Markdown.
        language: The answer's, a tag such as `en`, `en-GB` or `es-MX`; of any other, or None, only
            Markdown and emoji are removed.
    """
    return say_in(language, strip_markdown(text))
