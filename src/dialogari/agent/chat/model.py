"""A model of an OpenAI-compatible server, as pydantic-ai's `Model`."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic_ai.models import Model

from dialogari.agent.chat.body import encode_by_schema, encode_request
from dialogari.agent.chat.errors import http_error, named_errors
from dialogari.agent.chat.schema_stream import SchemaStream
from dialogari.agent.chat.stream import ChatStream, read_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters, StreamedResponse
    from pydantic_ai.settings import ModelSettings

    from dialogari.agent.chat.client import ChatClient


class ChatModel(Model["ChatClient"]):
    """Every request is streamed, sent once, and closes its connection when it is left early."""

    def __init__(self, name: str, client: ChatClient) -> None:
        # Servers take system messages anywhere, so none has to be dressed up as the caller's.
        super().__init__(profile={"supports_inline_system_prompts": True})
        self._name = name
        self._client = client

    @property
    def model_name(self) -> str:
        """The server's name for the model."""
        return self._name

    @property
    def system(self) -> str:
        """The provider's name in AI_MODEL."""
        return self._client.name

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._client.base_url

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Return the whole answer. Raises AgentRunError."""
        opening = self.request_stream(messages, model_settings, model_request_parameters)
        async with opening as stream:
            async for _ in stream:
                pass
            return stream.get()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: object = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Open the answer, which raises AgentRunError here or while it is read."""
        del run_context
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        by_schema = self._client.tools_by_schema
        encode = encode_by_schema if by_schema else encode_request
        limit = self._client.token_limit
        body = encode(self._name, messages, settings, parameters, token_limit=limit)
        response = await self._send(body, settings)
        stream = SchemaStream if by_schema and parameters.function_tools else ChatStream
        try:
            async with aclosing(read_chunks(response, self._name)) as chunks:
                yield stream(
                    parameters, response, chunks, self._name, self._client.name, self.base_url
                )
        finally:
            response.close()  # the connection of an answer read to its end is in the pool already

    async def _send(self, body: bytes, settings: ModelSettings | None) -> aiohttp.ClientResponse:
        with named_errors(self._name):
            response = await self._client.post(body, (settings or {}).get("extra_headers") or {})
        if response.status != HTTPStatus.OK:
            response.close()
            raise http_error(self._name, response.status)
        return response
