"""The arguments of dialplan applications, and what they say of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.ari.arguments import escape_argument, is_in_application, split_arguments
from dialogari.ari.models import CallerID, Channel, DialplanCEP
from either_pbx import RealPhone, connect

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk

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
