"""What can be a tool, and a tool made ready: its schema compiled, its address taken apart. No I/O.

A schema that refers to another document is refused: nothing is ever fetched for it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import jmespath
import jsonschema_rs
from jmespath.exceptions import JMESPathError

from dialogari.agent.address_template import AddressTemplate, ArgumentError
from dialogari.tool import InvalidToolError, is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.tool import Tool

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
IN_QUERY: Final = {"GET", "DELETE"}
"""Methods whose arguments go into the query; those of the others are a JSON body."""
LONGEST_TIMEOUT: Final = 60.0
LONGEST_DESCRIPTION: Final = 1024
"""Characters; OpenAI takes no more."""
_ERRORS: Final = 3
_ERROR_LENGTH: Final = 300
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[!-~](?:[ -~\t]*[!-~])?")
_OURS: Final = frozenset(
    {
        *("host", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
        *("content-length", "content-type", "content-encoding", "transfer-encoding"),
        *("accept-encoding", "proxy-authorization", "proxy-connection"),
    }
)
"""Headers that say how a request is sent, which is not the operator's to say."""


@dataclass(frozen=True, slots=True)
class ReadyTool:
    """A tool that can be called."""

    tool: Tool
    address: AddressTemplate
    _validator: Any
    _path: Any

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Let pass what the schema allows. Raises ArgumentError, its text for the model."""
        try:
            errors: list[Any] = list(islice(self._validator.iter_errors(arguments), _ERRORS))
        except ValueError:
            raise ArgumentError("the arguments are nested too deeply") from None
        if errors:
            raise ArgumentError("; ".join(map(_describe, errors)))

    def pick(self, answer: object) -> object:
        """Return what `result_path` picks of an answer's JSON; None where there is no such thing.

        Raises:
            ValueError: the path does not fit the answer.
        """
        try:
            return answer if self._path is None else self._path.search(answer)
        except JMESPathError as error:
            raise ValueError("the result_path does not fit") from error


def check_tool(tool: Tool) -> None:
    """Let pass what can be a tool. Raises InvalidToolError."""
    make_ready(tool)


def make_ready(tool: Tool) -> ReadyTool:
    """Return the tool ready to be called.

    Raises:
        InvalidToolError: it can't be one; the text says why.
    """
    if not is_name(tool.name):
        raise InvalidToolError(
            "name: use 1 to 64 of letters, digits, '_' and '-', the first a letter or '_'"
        )
    if not tool.description.strip() or len(tool.description) > LONGEST_DESCRIPTION:
        raise InvalidToolError(f"description: 1 to {LONGEST_DESCRIPTION} characters for the model")
    if tool.method not in METHODS:
        raise InvalidToolError(f"method: one of {', '.join(METHODS)}")
    if not 0 < tool.timeout <= LONGEST_TIMEOUT or math.isnan(tool.timeout):
        raise InvalidToolError(f"timeout: more than 0 and at most {LONGEST_TIMEOUT:g} seconds")
    check_headers(tool.headers)
    address = AddressTemplate.parse(tool.url)
    _check_places(address, tool.parameters)
    return ReadyTool(tool, address, _validator(tool.parameters), _path(tool.result_path))


def check_headers(headers: Mapping[str, str]) -> None:
    """Let pass headers that can be sent. Raises InvalidToolError."""
    for name, value in headers.items():
        if _HEADER.fullmatch(name) is None:
            raise InvalidToolError(f"headers: {name!r} is no name of a header")
        if name.lower() in _OURS:
            raise InvalidToolError(f"headers: {name} is set by dialogari")
        if _VALUE.fullmatch(value) is None:
            raise InvalidToolError(f"headers: the value of {name} has characters none may have")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidToolError("headers: one stands there twice")


def _check_places(address: AddressTemplate, parameters: Mapping[str, Any]) -> None:
    known, needed = parameters.get("properties"), parameters.get("required")
    for name in sorted(address.places):
        if not isinstance(known, dict) or name not in known:
            raise InvalidToolError(f"url: {{{name}}} is none of the properties of parameters")
        if not isinstance(needed, list) or name not in needed:
            raise InvalidToolError(f"url: {{{name}}} must be in the list `required` of parameters")


def _validator(schema: Mapping[str, Any]) -> Any:
    if schema.get("type") != "object":
        raise InvalidToolError('parameters: a JSON Schema with "type": "object"')
    try:
        return jsonschema_rs.validator_for(dict(schema), retriever=_refuse)
    except jsonschema_rs.ValidationError as error:
        raise InvalidToolError(f"parameters: {_first_line(error)}") from None
    except ValueError:
        raise InvalidToolError("parameters: no JSON Schema") from None


def _path(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return cast("Any", jmespath).compile(text)
    except JMESPathError as error:
        raise InvalidToolError(f"result_path: {_first_line(error)}") from None


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri}: references to other documents are not followed")


def _describe(error: Any) -> str:
    place = ".".join(map(str, error.instance_path))
    message = str(error.message)[:_ERROR_LENGTH]
    return f"{place}: {message}" if place else message


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:_ERROR_LENGTH]
