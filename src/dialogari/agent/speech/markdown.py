"""Markdown to plain sentences.

Models write Markdown even when they are asked not to, and a voice would read every star aloud.
The answer is parsed, not searched for patterns, so that `2 * 3`, `snake_case` and `C#` come
through. Each heading, list item and table row ends as a sentence, because that is where a voice
pauses; numbers of ordered lists stay, because they may be the answer ("1984."). Emoji go: voices
call them by long names; an arrow is a pause.

An answer the parser can't take in good time (deep nesting, thousands of brackets) has the
commonest marks stripped instead. Nothing here raises.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_LONGEST_PARSED: Final = 32_000
"""Characters; the dialplan takes no more in all its parts together."""
_MOST_BRACKETS: Final = 1_000
"""The parser's time grows with the square of the opening brackets (measured)."""
_DEEPEST: Final = 20
"""Levels of blocks within blocks; the parser drops what lies deeper. It also keeps the parser's
recursion within 100 frames (measured)."""

# Off: indented code, because models indent text, and link references, because they swallow
# lines such as "[Note]: today".
_PARSER: Final = (
    MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
    .enable(["table", "strikethrough"])
    .disable(["code", "reference"])
)

_CONTROLS: Final[dict[int, str]] = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), ord("\N{REPLACEMENT CHARACTER}")], ""),
    **dict.fromkeys(map(ord, "\n\v\f\x85\u2028\u2029"), "\n"),
    ord("\t"): "\t",
    # No width, and voices differ on what they make of them.
    **dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"), ""),
}
_ARROW: Final = re.compile(r" ?(?:[→⇒➔➜➡]\ufe0f?)+ ?")
# Pictures, what joins and colours them, and the signs that turn a digit into one.
_PICTURE: Final = re.compile(
    "[\u200d\u20e3\u2190-\u21ff\u231a-\u23ff\u2600-\u27bf\u2b05-\u2b55\ufe0e\ufe0f"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)
_EMOJI: Final = re.compile(
    " ?[\u200d\u20e3\u231a-\u23ff\u2600-\u27bf\u2b05-\u2b55\ufe0e\ufe0f"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f]+"
)
_BULLET: Final = re.compile(r"^([ \t]*)[•‣◦▪●∙·](?=[ \t])", re.MULTILINE)
# Only names of HTML, attributes with a value: `<name>` may be a placeholder, `x<a and b>c` a sum.
_TAG: Final = re.compile(
    r"</?(?:a|abbr|article|aside|b|blockquote|body|br|center|code|dd|del|details|div|dl|dt|em"
    r"|figure|font|footer|h[1-6]|head|header|hr|html|i|img|ins|kbd|li|main|mark|nav|ol|p|pre|q"
    r"|s|section|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|title"
    r"|tr|tt|u|ul|var)(?:\s[^<>=]*+=[^<>]*+|\s*+/?)>|<!--[^<>]*+>",
    re.IGNORECASE,
)
_LINE_BREAK: Final = re.compile(r"<br[\s/>]", re.IGNORECASE)

# Marks left over at a word's edge. Codes to dial such as *67 and **21*600# keep their stars.
_LEFT_OVER: Final = re.compile(
    r"(?<![^\s([¿¡\"«])(?:[*_]+(?=[^\W\d_]|[¿¡(\"«])|(?:\*\*+|__+)(?=[^\s*_])(?!\S{0,30}[*\#]))"
    r"|(?:(?<=[^\W\d_])[*_]+|(?<=[^\s*_])(?:\*\*+|__+))(?![^\s.,:!?)\]»\"…])"
    r"|~~(?=[^\s~])|(?<=[^\s~])~~|`+"
)

_PAUSES: Final = ".!?…:;,\u3002\uff01\uff1f"
_CLOSERS: Final = ")]»”\u2019\"'"

_LINE_MARKS: Final = re.compile(
    r"^(?:[ \t]*(?:>|[-*+](?=[ \t]|$)|\#{1,6}(?=[ \t]|$)))+", re.MULTILINE
)
_LINK: Final = re.compile(r"!?\[([^\[\]]*+)\]\([^()\s]*+\)")


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    closes: bool
    """Ends as a sentence even where nothing follows."""


def strip_markdown(text: str) -> str:
    """Return the text of a Markdown answer, one block a line, without marks and controls.

    Never raises. Text without Markdown comes back as it is, but for blanks around lines and
    runs of them, empty lines, and a full stop where a paragraph before another has none.
    """
    clean = _clean(text)
    blocks = _parse(_BULLET.sub(r"\1-", clean))
    spoken = _strip(clean) if blocks is None else _join(blocks)
    # Once more, because entities such as &#7; have been decoded.
    return tidy(spoken)


def tidy(text: str) -> str:
    """Return plain text without control characters, emoji, and needless blanks and lines."""
    lines = (" ".join(line.split()) for line in _clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


def _parse(text: str) -> list[_Block] | None:
    """Return the blocks that hold text, or None where the parser would lose some or take long."""
    if len(text) > _LONGEST_PARSED or text.count("[") > _MOST_BRACKETS:
        return None
    tokens = _PARSER.parse(text)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return None
    reader = _Reader()
    for token in tokens:
        reader.take(token)
    return reader.blocks


@dataclass(slots=True)
class _Reader:
    """Turns the parser's flat list of tokens into blocks."""

    blocks: list[_Block] = field(default_factory=list[_Block])
    marker: str = ""
    """Number of the list item that has begun and has no text yet."""
    within: int = 0
    """Headings and list items around the current token."""
    cells: list[str] | None = None
    """Of the current table row."""

    def take(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._add_inline(_speak_inline(token.children or []))
            case "fence":
                # One word after the fence names a language, more of them are a sentence.
                words = token.info if len(token.info.split()) > 1 else ""
                self._add(f"{words}\n{token.content}")
            case "html_block":
                self._add(_strip(token.content))
            case "heading_open":
                self.within += 1
            case "list_item_open":
                self.within += 1
                self.marker += f"{token.info}. " if token.info else ""
            case "list_item_close":
                self._add("")
                self.within -= 1
            case "heading_close":
                self.within -= 1
            case "tr_open":
                self.cells = []
            case "tr_close":
                self._add_row()
            case _:
                pass

    def _add_inline(self, text: str) -> None:
        if self.cells is None:
            self._add(text)
        elif text.strip():
            self.cells.append(text.strip())

    def _add_row(self) -> None:
        row, self.cells = ", ".join(self.cells or []), None
        self.within += 1
        self._add(row)
        self.within -= 1

    def _add(self, text: str) -> None:
        whole = (self.marker + text.strip()).strip()
        self.marker = ""
        if whole:
            self.blocks.append(_Block(whole, closes=self.within > 0))


def _speak_inline(tokens: Sequence[Token]) -> str:
    spoken = ""
    closers = _pair_emphasis(tokens)
    literal: set[int] = set()
    for index, token in enumerate(tokens):
        match token.type:
            case "text" | "code_inline":
                spoken += token.content
            case "softbreak" | "hardbreak":
                spoken += "\n"
            case "html_inline":
                spoken += _speak_tag(token.content)
            case "image":
                spoken += _speak_inline(token.children or [])
            case "em_open" | "strong_open" if _is_arithmetic(
                spoken[-1:], tokens, index, closers[index]
            ):
                literal.add(closers[index])
                spoken += token.markup
            case "em_close" | "strong_close" if index in literal:
                spoken += token.markup
            case _:
                pass
    return _LEFT_OVER.sub("", spoken)


def _pair_emphasis(tokens: Sequence[Token]) -> dict[int, int]:
    """Return the index of each opening mark's closing one."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in ("em_open", "strong_open"):
            opened.append(index)
        elif token.type in ("em_close", "strong_close"):
            pairs[opened.pop()] = index
    return pairs


def _is_arithmetic(before: str, tokens: Sequence[Token], opened: int, closed: int) -> bool:
    """Whether marks that the parser takes for emphasis are meant: `2*3*4`, `*21*600#`, `/_a_/`."""
    after = tokens[closed + 1].content[:1] if closed + 1 < len(tokens) else ""
    if _in_word(before) and _in_word(after):
        return True
    first, last = tokens[opened + 1].content[:1], tokens[closed - 1].content[-1:]
    return (_is_digit(before) and _is_digit(first)) or (_is_digit(last) and _is_digit(after))


def _in_word(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "/")


def _is_digit(letter: str) -> bool:
    return letter.isascii() and letter.isdigit()


def _speak_tag(tag: str) -> str:
    if not _TAG.fullmatch(tag):
        return tag
    return "\n" if _LINE_BREAK.match(tag) else ""


def _join(blocks: Sequence[_Block]) -> str:
    return "\n".join(
        _close(block.text) if block.closes or number < len(blocks) else block.text
        for number, block in enumerate(blocks, start=1)
    )


def _close(text: str) -> str:
    return text if text.rstrip(_CLOSERS)[-1:] in _PAUSES else text + "."


def _strip(text: str) -> str:
    """Remove the commonest marks without parsing."""
    lines = _LINE_MARKS.sub("", _TAG.sub(" ", text))
    return html.unescape(_LEFT_OVER.sub("", _LINK.sub(r"\1", lines)))


def _clean(text: str) -> str:
    """Remove lone surrogates, control characters and emoji; every kind of line end becomes one."""
    valid = text.encode("utf-8", "ignore").decode("utf-8")
    lines = valid.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    return _EMOJI.sub(_unpicture, _ARROW.sub(", ", lines)) if _PICTURE.search(lines) else lines


def _unpicture(match: re.Match[str]) -> str:
    """Leave a blank only where the picture alone parted two words."""
    following = match.string[match.end() : match.end() + 1]
    return " " if following.isalnum() or following in ("¿", "¡") else ""
