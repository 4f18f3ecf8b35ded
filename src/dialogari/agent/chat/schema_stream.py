"""An answer in the form of `by_schema` as parts: its words streamed, a call at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialogari.agent.chat.by_schema import Reading
from dialogari.agent.chat.stream import ChatStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_ai.messages import ModelResponseStreamEvent

    from dialogari.agent.chat.wire import Words


@dataclass
class SchemaStream(ChatStream):
    """pydantic-ai's view of such an answer."""

    reading: Reading = field(default_factory=Reading)

    def _parts(self, words: Words) -> Iterator[ModelResponseStreamEvent]:
        yield from self._say(self.reading.feed(words.content or ""))

    def _last_parts(self) -> Iterator[ModelResponseStreamEvent]:
        match self.reading.close():
            case (name, arguments):
                yield from self._parts_manager.handle_tool_call_delta_events(
                    vendor_part_id=0, tool_name=name, args=arguments, tool_call_id=None
                )
            case text:
                yield from self._say(text)

    def _say(self, text: str) -> Iterator[ModelResponseStreamEvent]:
        if text:
            yield from self._parts_manager.handle_text_delta(vendor_part_id="content", content=text)
