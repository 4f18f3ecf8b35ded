"""What `dialogari.ari` offers: the one list of it, names and members."""

from __future__ import annotations

from types import ModuleType

from ari_serving import one_call
from dialogari import ari
from dialogari.ari import AriError, errors, testing
from dialogari.ari.models import PlaybackFinished
from dialogari.ari.testing import FakeAsterisk
from either_pbx import FakePhone

NAMES = """
    ApplicationReplaced AriError Bridge BridgeGone Call Channel ChannelGone Client Collected
    Conflict GoneReason Handler InvalidState Keys KeysEnd LinkState Listener ListenerOverflowed
    Lost MoveFailed NotCallable NotFound NotFoundKind NotInStasis Playback PlaybackEnd Recording
    Recovered RequestFailed Resumed Server Session Unauthorized UnexpectedAnswer UnknownOutcome
    Unreachable connect listen parse_url
"""
TESTING = "Callee FakeAsterisk FakeCall Fault Outbound"
SOUNDING = "play playing record recording say_digits start_moh stop_moh"
PLACE = f"{SOUNDING} generation gone id is_gone_within key listen session started wait_until_gone"
CHANNEL = f"""
    {PLACE} answer ask cause channel collect get_variable hang_up here_since hold keys move mute
    publish
    redirect ring send_digits set_variables stop_ringing unhold unmute
"""
MEMBERS = {
    "Client": "calls lag serve session sessions wait_until_idle wait_until_ready",
    "Session": """
        application applications asterisk bridge bridges channels device_states dialplan_name
        endpoints events features generation listen mailboxes originate peer playbacks publish
        recordings send sounds state subscribe unsubscribe version wait_until_ready
    """,
    "Call": f"{CHANNEL} arguments continue_in_dialplan released server start",
    "Channel": CHANNEL,
    "Bridge": f"{PLACE} add bridge channels remove",
    "Playback": """
        ended forward generation id key pause playback restart reverse stop target unpause wait
    """,
    "Recording": "discard generation key mute name pause recording stop target unmute unpause wait",
    "Keys": "collect wait",
    "Listener": "keys waiting",
}
"""What a program may use of each object that it is given."""
OWN = {
    "Session": "calls forget router spawn",
    "Call": "absence begin carry drop end finish is_shown_by lost_by rebind settle sounding",
    "Channel": """
        abandoned absence call carry drop end enter entered leave lost_by note_dialing rebind settle
        sounding wait_until_entered
    """,
    "Bridge": "absence carry drop end look miss open sounding take",
    "Playback": "begin leave look lose miss take",
    "Recording": "begin leave look lose miss take",
    "Listener": "drain end put",
}
"""What the parts of this library use of each other, and may change at any time."""
PUBLIC_ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and value.__module__ == errors.__name__
}


def test_names() -> None:
    """These are all names, so that none comes or goes unnoticed."""
    assert ari.__all__ == NAMES.split()
    assert testing.__all__ == TESTING.split()


async def test_members(fake: FakeAsterisk, app: str) -> None:
    """These are all members of what a program is given."""
    async with (
        one_call(FakePhone(fake), app) as (client, call),
        client.session.originate("PJSIP/alice") as leg,
        client.session.bridge() as bridge,
        call.playing("tone:ring") as playback,
        call.recording(app) as recording,
    ):
        given = {
            "Client": client,
            "Session": client.session,
            "Call": call,
            "Channel": leg,
            "Bridge": bridge,
            "Playback": playback,
            "Recording": recording,
            "Keys": call.keys(),
            "Listener": call.listen(),
        }
        members = {
            name: {member for member in dir(value) if not member.startswith("_")}
            for name, value in given.items()
        }

    expected = {name: {*MEMBERS[name].split(), *OWN.get(name, "").split()} for name in MEMBERS}
    assert members == expected


async def test_representations(fake: FakeAsterisk, app: str) -> None:
    """Each says in a log who it is and how it stands, and no secret."""
    async with one_call(FakePhone(fake), app) as (client, call), call.playing("tone:a") as playback:
        session = f"<Session '{app}' on {fake.url} ready>"
        assert repr(client) == f"<Client [{session}] calls: 1>"
        assert repr(call) == f"<Call {call.id}>"
        assert repr(call.keys()) == f"<Keys of <Call {call.id}>>"
        assert repr(fake.call(call.id)) == f"<FakeCall {call.id} in {app}>"
        assert repr(fake) == f"<FakeAsterisk calls: [{fake.call(call.id)}]>"
        assert repr(playback).startswith(f"<Playback {playback.id} on channel:{call.id} ")
        async with call.listen(PlaybackFinished) as listener:
            assert repr(listener) == f"<Listener for PlaybackFinished of {call.key} holds: 0>"
        async with call.session.bridge() as bridge, bridge.recording(app) as recording:
            assert repr(recording).startswith(f"<Recording '{app}' of {bridge.key} ")
        assert repr(bridge) == f"<Bridge {bridge.id} gone: destroyed>"
        await fake.call(call.id).hang_up()
        await call.wait_until_gone()
    assert repr(call) == f"<Call {call.id} gone: stasis_end>"


def test_sorted() -> None:
    """The list of names is sorted and has no name twice."""
    assert ari.__all__ == sorted(set(ari.__all__))


def test_importable() -> None:
    """Every name of the list is there."""
    assert [name for name in ari.__all__ if not hasattr(ari, name)] == []


def test_complete() -> None:
    """Whatever the package imports for its users is in the list."""
    offered = {
        name
        for name, value in vars(ari).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert offered == set(ari.__all__)


def test_errors() -> None:
    """All errors, and what they tell, can be imported from the package."""
    assert set(ari.__all__) >= PUBLIC_ERRORS


def test_one_root() -> None:
    """Whatever can go wrong is an AriError; that a call ended is none."""
    others = {
        name
        for name in PUBLIC_ERRORS
        if issubclass(getattr(errors, name), Exception)
        and not issubclass(getattr(errors, name), AriError)
    }

    assert others == {"ChannelGone"}
