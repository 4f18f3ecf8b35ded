"""Commands as values, and what the dialplan's text says of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_serving import made
from dialogari.ari import UnexpectedAnswer
from dialogari.ari.arguments import escape_argument, is_in_application, split_arguments
from dialogari.ari.models import AsteriskPing, CallerID, Channel, DialplanCEP
from dialogari.ari.operations import Channels
from dialogari.ari.request import Response
from either_pbx import RealPhone, connect

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk

VARIABLE = b'{"value":""}'
NOBODY = CallerID(name="", number="")
ARGUMENTS = [
    "a,b",
    "",
    ",,",
    '"a,b",c',
    'a"b,c"d',
    " a , b ",
    "a\\,b,c\\\\",
    '\\"a,b',
    "(a,b),[c,d],e",
    "a),b,c],d",
    "(a[b,c)d,e]f,g",
    '"(",a,b',
    "(a,b",
    '"a,b',
    "A=1,USER_INPUT=¿qué?, 😀",
]


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("1795342565.1", "1795342565.1"),
        ("pbx-1.1;2", "pbx-1.1%3B2"),
        ("a/b?c#d&e", "a%2Fb%3Fc%23d%26e"),
        ("100%41", "100%2541"),
        ("two words+ñ", "two%20words%2B%C3%B1"),
        ("..", ".."),
    ],
)
async def test_names_in_paths(name: str, segment: str) -> None:
    """A name stays one segment of a path, whatever characters it has."""
    path = (await made(lambda send: Channels(send).hangup(name))).path
    query = (await made(lambda send: Channels(send).get_channel_var("1", name), VARIABLE)).path

    assert path == f"channels/{segment}"
    assert query == f"channels/1/variable?variable={segment}"


async def test_values_are_strings_in_the_body() -> None:
    """Variables travel in the body, as strings and in their order."""
    values = {"B": "1", "A": "true", "C": 'é"\n'}

    one = await made(lambda send: Channels(send).set_channel_var("1", "A", value="7"))
    several = await made(lambda send: Channels(send).set_channel_vars("1", values))

    assert msgspec.json.decode(one.body) == {"variable": "A", "value": "7"}
    assert list(msgspec.json.decode(several.body)["variables"].items()) == list(values.items())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"ping": "\xf1"}'])
def test_unexpected_answer(body: bytes) -> None:
    """An answer that is not of the shape asked for is an error that names the shape."""
    with pytest.raises(UnexpectedAnswer, match="AsteriskPing"):
        Response(200, body).read(AsteriskPing)


@pytest.mark.parametrize(
    ("app_data", "arguments"),
    [
        ("app", ["app"]),
        ("app,", ["app", ""]),
        ('"app",x', ["app", "x"]),
        ("\\app,x", ["app", "x"]),
        ("app\\", ["app"]),
        ("", [""]),
    ],
)
def test_split(app_data: str, arguments: list[str]) -> None:
    """The application's name is found however it was written."""
    assert split_arguments(app_data) == arguments


@pytest.mark.parametrize("arguments", ARGUMENTS)
async def test_split_as_asterisk_does(real: Asterisk, app: str, arguments: str) -> None:
    """Arguments are split as a real Asterisk splits them for StasisStart."""
    phone = RealPhone(real)
    async with connect(real, app) as client:
        # The dialplan appends two more, which an unclosed bracket or quote swallows.
        await phone.call(f"{app},{arguments}")
        start = await client.event("StasisStart")
        await phone.hang_up()

    assert split_arguments(start["channel"]["dialplan"]["app_data"]) == [app, *start["args"]]


@given(st.text(alphabet='a,"\\()[] '))
def test_split_loses_nothing_else(app_data: str) -> None:
    """Whatever was written, only quotes, backslashes and separating commas go."""
    kept = "".join(split_arguments(app_data))

    assert [c for c in kept if c in "a()[] "] == [c for c in app_data if c in "a()[] "]


@pytest.mark.parametrize(
    ("application", "app_data", "expected"),
    [
        ("Stasis", "app", True),
        ("Stasis", "app,x", True),
        ("Stasis", '"app",x', True),
        ("Stasis", "app-2,x", False),
        ("Stasis", "ap,app", False),
        ("Stasis", "APP", False),
        ("Stasis", "", False),
        ("Wait", "app", False),
        ("", "app", False),
    ],
)
def test_is_in_application(application: str, app_data: str, expected: bool) -> None:
    """Only Stasis() of this very application counts: a name that begins alike does not."""
    channel = Channel(
        id="1",
        name="PJSIP/1",
        state="Up",
        protocol_id="",
        caller=NOBODY,
        connected=NOBODY,
        accountcode="",
        dialplan=DialplanCEP(
            context="", exten="s", priority=1, app_name=application, app_data=app_data
        ),
        creationtime="",
        language="en",
    )

    assert is_in_application(channel, "app") is expected


@given(st.lists(st.text(alphabet=st.sampled_from('a,"\\()[] ñ${};\n')), min_size=1))
def test_escaped_arguments_stay_whole(values: list[str]) -> None:
    """Whatever is escaped is split into the same values again."""
    assert split_arguments(",".join(map(escape_argument, values))) == values
