"""The dialplan's door: a call in Stasis() becomes a turn, its answer becomes channel variables.

Whatever happens the call goes back to the dialplan, by `continue` after its variables are set. If
they can't be set it goes back all the same: AI_STATUS is then not `ok`, because the dialplan
emptied it before Stasis(), and the dialplan takes its own way out.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from dialogari.answers import Place
from dialogari.ari import AriError, ChannelGone, RequestFailed
from dialogari.dialplan.absent import AbsentCaller
from dialogari.dialplan.arguments import parse_arguments
from dialogari.dialplan.control import ChannelControl
from dialogari.dialplan.variables import response_variables
from dialogari.turn import (
    CallFacts,
    ConversationKey,
    Side,
    Status,
    TurnError,
    TurnRequest,
    TurnResponse,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from dialogari.answers import Answers
    from dialogari.ari import Call
    from dialogari.conversation import Conversations
    from dialogari.dialplan.arguments import Arguments
    from dialogari.dialplan.filler import Filler
    from dialogari.telemetry import TurnLog

WORDS = "USER_INPUT"
"""The channel variable that holds the caller's words where no argument does."""

_WORD = re.compile(r"(?<!^)(?=[A-Z])")

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.dialplan")


class DialplanDoor:
    """Handles calls for `dialogari.ari.Client.serve`.

    `deadline`: seconds from StasisStart to the return to the dialplan; `fallback`: what the
    dialplan gets to say for a call that never became a turn; `filler`: what callers hear while
    they wait.
    """

    def __init__(
        self,
        conversations: Conversations,
        answers: Answers,
        log: TurnLog,
        *,
        deadline: float,
        fallback: str,
        filler: Filler | None = None,
    ) -> None:
        self._conversations = conversations
        self._answers = answers
        self._log = log
        self._deadline = deadline
        self._fallback = fallback
        self._filler = filler
        self._closed = False

    def close(self) -> None:
        """Take no new turn: calls that come from now on go back at once as `busy`."""
        self._closed = True

    async def answer(self, call: Call) -> None:
        """Answer one call, or go on with its answer, and send it back to the dialplan."""
        arguments = parse_arguments(call.arguments)
        request = _request(call, arguments, text=arguments.text or "")
        with structlog.contextvars.bound_contextvars(call=call.id):
            try:
                request, response = await self._respond(call, arguments, request)
                if response.more and not arguments.continues:
                    await self._watch(call, _place(request))
                response = await self._hand_over(call, response)
            except (asyncio.CancelledError, ChannelGone):
                self._answers.drop(_place(request))
                self._log.write_hang_up(request.conversation.id, _elapsed(call))
                raise
            if arguments.continues:
                self._log.write_piece(request, response, _elapsed(call))
            else:
                self._log.write(request, response, _elapsed(call))

    async def release(self, call: Call) -> None:
        """Send back a call that no turn of this process owns.

        Its bridge died, or its start was missed in a gap of the link.
        """
        arguments = parse_arguments(call.arguments)
        request = _request(call, arguments, text="")
        error = TurnError(Status.ERROR, "bridge_restarted", Side.ASTERISK)
        with structlog.contextvars.bound_contextvars(call=call.id):
            response = await self._hand_over(call, self._refusal(request, error))
            self._log.write(request, response, _elapsed(call))

    async def _respond(
        self, call: Call, arguments: Arguments, request: TurnRequest
    ) -> tuple[TurnRequest, TurnResponse]:
        if arguments.ignored:
            logger.warning("arguments_ignored", count=arguments.ignored)
        if arguments.continues:
            deadline = call.started + self._deadline
            async with self._filling(call):
                response = await self._answers.resume(
                    _place(request), request.conversation, deadline
                )
            return request, response
        self._answers.drop(_place(request))  # who asks something new does not wait for the rest
        if self._closed:
            return request, self._refusal(request, TurnError(Status.BUSY, "shutting_down"))
        if arguments.problem is not None:
            return request, self._refusal(request, arguments.problem)
        try:
            if arguments.text is None:
                request = replace(request, text=await call.get_variable(WORDS) or "")
        except AriError as error:
            return request, self._refusal(request, _unread_words(error))
        words = _elapsed(call)
        limit = min(arguments.timeout or self._deadline, self._deadline)
        # At least a moment, so that a late turn ends as `timeout` in the usual way.
        request = replace(request, timeout=max(limit - words, 0.001))
        take = self._answers.begin if arguments.pieces else self._conversations.take_turn
        async with self._filling(call):
            response = await take(request)
        return request, _timed(response, "words", words)

    def _filling(self, call: Call) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._filler is None else self._filler.covering(call)

    async def _watch(self, call: Call, place: Place) -> None:
        """Have the answer dropped if the caller hangs up before he comes for its next piece."""
        caller = AbsentCaller(call, partial(self._answers.drop, place))
        self._answers.when_over(place, caller.close)
        await caller.open()

    def _refusal(self, request: TurnRequest, error: TurnError) -> TurnResponse:
        return TurnResponse(
            status=error.status,
            reason=error.reason,
            side=error.side,
            conversation=request.conversation,
            fallback_text=self._fallback,
        )

    async def _hand_over(self, call: Call, response: TurnResponse) -> TurnResponse:
        """Set the variables and send the call back; returns the response with that step timed."""
        began = _elapsed(call)
        variables = response_variables(response, began)
        try:
            await call.set_variables(variables)
        except AriError as error:
            logger.error("variables_not_set", cause=_reason(error))  # noqa: TRY400 - the cause says all
            await self._tell_failure(call, error)
        await call.continue_in_dialplan()
        return _timed(response, "return", _elapsed(call) - began)

    async def _tell_failure(self, call: Call, error: AriError) -> None:
        """Try to say at least that it failed, in a few bytes."""
        response = TurnResponse(
            Status.ERROR, reason=_reason(error), side=Side.ASTERISK, fallback_text=self._fallback
        )
        try:
            await call.set_variables(response_variables(response, _elapsed(call)))
        except AriError as again:
            logger.error("failure_not_told", cause=_reason(again))  # noqa: TRY400 - the cause says all


def _unread_words(error: AriError) -> TurnError:
    # Asterisk can't put bytes that are not UTF-8 into JSON and answers 500 (measured on 22.10).
    if isinstance(error, RequestFailed) and error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return TurnError(Status.BAD_REQUEST, "user_input.not_utf8", Side.CALLER)
    return TurnError(Status.ERROR, _reason(error), Side.ASTERISK)


def _request(call: Call, arguments: Arguments, text: str) -> TurnRequest:
    channel = call.channel
    return TurnRequest(
        text=text,
        conversation=ConversationKey(call.server, arguments.conversation_id or call.id),
        prompt=arguments.prompt,
        model=arguments.model,
        facts=arguments.facts,
        caller=arguments.caller,
        call=CallFacts(
            channel_id=call.id,
            caller_number=channel.caller.number,
            caller_name=channel.caller.name,
            language=channel.language,
        ),
        control=ChannelControl(call),
    )


def _place(request: TurnRequest) -> Place:
    # Not `call.id`, which changes when another channel takes the call's place.
    return Place(request.conversation.server, request.call.channel_id)


def _reason(error: AriError) -> str:
    if isinstance(error, RequestFailed):
        return f"ari.http_{error.status}"
    return f"ari.{_WORD.sub('_', type(error).__name__).lower()}"


def _timed(response: TurnResponse, step: str, seconds: float) -> TurnResponse:
    return replace(response, steps={**response.steps, step: seconds})


def _elapsed(call: Call) -> float:
    """Seconds since StasisStart."""
    return asyncio.get_running_loop().time() - call.started
