"""A model's answer as text that can be spoken, whole or sentence by sentence.

    markdown   Markdown to plain sentences, in any language
    language   which rules a language tag means; english, spanish (spanish_clock, spanish_words)
    rules      what a rule is; addresses, amounts, dates, numbers, roman, symbols, telephone
    sentences  where sentences end, on a stream (abbreviations)
    pieces     the stream made speakable

The text goes to whatever voice the dialplan has, so it is plain words with plain punctuation, and
no markup of any speech service. Numbers stay digits: voices read them, and the transcript stays
short.
"""

from dialogari.agent.speech.pieces import SpokenPieces
from dialogari.agent.speech.speakable import make_speakable

__all__ = ["SpokenPieces", "make_speakable"]
