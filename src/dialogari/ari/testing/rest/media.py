"""Operations that play and record, on channels and bridges, and on what is played and recorded."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.testing.playback import Play
from dialogari.ari.testing.recording import Recording, RecordingOptions
from dialogari.ari.testing.rest.command import Answer, Refusal
from dialogari.ari.testing.rest.find import controlled, find_bridge, find_leg

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.line import Line
    from dialogari.ari.testing.playback import Place
    from dialogari.ari.testing.rest.command import Command, Routes

FORMATS = ("alaw", "g722", "gsm", "sln", "sln16", "ulaw", "wav", "wav49")
TERMINATORS = {"": "", "none": "", "any": "0123456789*#ABCD", "*": "*", "#": "#"}
OPERATIONS = ("restart", "pause", "unpause", "reverse", "forward")


def media_routes(exchange: Exchange) -> Routes:
    """Return the operations by path and method."""
    on_channel, on_bridge = partial(_play_on_channel, exchange), partial(_play_on_bridge, exchange)
    live = partial(_change_recording, exchange)
    return {
        "channels/*/play": {"POST": on_channel},
        "channels/*/play/*": {"POST": on_channel},
        "channels/*/record": {"POST": partial(_record_channel, exchange)},
        "bridges/*/play": {"POST": on_bridge},
        "bridges/*/play/*": {"POST": on_bridge},
        "bridges/*/record": {"POST": partial(_record_bridge, exchange)},
        "playbacks/*": {
            "GET": partial(_get_playback, exchange),
            "DELETE": partial(_stop_playback, exchange),
        },
        "playbacks/*/control": {"POST": partial(_control_playback, exchange)},
        "recordings/live/*": {
            "GET": partial(_get_recording, exchange),
            "DELETE": live(lambda recording: recording.finish(keep=False)),
        },
        "recordings/live/*/stop": {"POST": live(lambda recording: recording.finish())},
        "recordings/live/*/pause": {"POST": live(_leave), "DELETE": live(_leave)},
        "recordings/live/*/mute": {"POST": live(_leave), "DELETE": live(_leave)},
        "recordings/stored": {"GET": partial(_list_stored, exchange)},
        "recordings/stored/*": {
            "GET": partial(_get_stored, exchange),
            "DELETE": partial(_delete_stored, exchange),
        },
    }


def _play_on_channel(exchange: Exchange, command: Command) -> Answer:
    leg = controlled(find_leg(exchange, command.path[1]))
    return _play(leg, leg.line, command)


def _play_on_bridge(exchange: Exchange, command: Command) -> Answer:
    bridge = find_bridge(exchange, command.path[1])
    return _play(bridge, bridge.line, command)


def _play(place: Place, line: Line, command: Command) -> Answer:
    named = command.identifier("playbackId")
    media = command.texts("media")
    if not media:
        raise Refusal(500, "Failed to queue media for playback")
    play = Play(place, named or str(uuid.uuid4()), media, command.text("lang") or "en")
    shown = play.model
    line.add(play)
    return Answer(201, shown, location=f"/ari/playbacks/{play.id}")


def _record_channel(exchange: Exchange, command: Command) -> Answer:
    leg = controlled(find_leg(exchange, command.path[1]))
    recording = Recording(leg, _options(exchange, command))
    shown = recording.model
    leg.line.do(lambda: leg.change_state("Up"))  # a recording answers
    leg.line.do(lambda: recording.forbid() if leg.bridge is not None else None)
    leg.line.add(recording)
    return Answer(201, shown, location=f"/ari/recordings/live/{recording.options.name}")


def _record_bridge(exchange: Exchange, command: Command) -> Answer:
    bridge = find_bridge(exchange, command.path[1])
    recording = Recording(bridge, _options(exchange, command))
    shown = recording.model
    bridge.recording_line.add(recording)
    return Answer(201, shown, location=f"/ari/recordings/live/{recording.options.name}")


def _options(exchange: Exchange, command: Command) -> RecordingOptions:
    name, kind = command.text("name"), command.text("format")
    seconds = command.number("maxDurationSeconds", 0)
    existing, terminator = command.text("ifExists"), command.text("terminateOn")
    if seconds < 0:
        raise Refusal(400, "max_duration_seconds cannot be negative")
    if terminator not in TERMINATORS:
        raise Refusal(400, "terminateOn invalid")
    if existing not in ("", "fail", "overwrite", "append"):
        raise Refusal(400, "ifExists invalid")
    if kind not in FORMATS:
        raise Refusal(422, "specified format is unknown on this system")
    if not name or ".." in name.split("/"):
        raise Refusal(500, "Error parsing request")
    taken = name in exchange.stored and existing in ("", "fail")
    if taken or name in exchange.recordings:
        raise Refusal(409, f"Recording '{name}' already exists and can not be overwritten")
    return RecordingOptions(name, kind, float(seconds), TERMINATORS[terminator])


def _playback(exchange: Exchange, command: Command) -> Play:
    play = exchange.playbacks.get(command.path[1])
    if play is None:
        raise Refusal(404, "Playback not found")
    return play


def _get_playback(exchange: Exchange, command: Command) -> Answer:
    return Answer(200, _playback(exchange, command).model)


def _stop_playback(exchange: Exchange, command: Command) -> Answer:
    play = _playback(exchange, command)
    if play.is_said:
        raise Refusal(500, "Could not stop playback")
    play.stop()
    return Answer(204)


def _control_playback(exchange: Exchange, command: Command) -> Answer:
    operation = command.text("operation")
    if not operation:
        raise Refusal(400, "Missing operation")
    play = _playback(exchange, command)
    if operation not in OPERATIONS:
        raise Refusal(400, f"Invalid operation {operation}")
    if not play.is_playing:
        raise Refusal(409, f"Can only {operation} while media is playing")
    if play.is_said:
        raise Refusal(500, f"Could not {operation} playback")
    if operation == "pause":
        play.pause()
    elif operation == "unpause":
        play.go_on()
    return Answer(204)


def _recording(exchange: Exchange, name: str) -> Recording:
    recording = exchange.recordings.get(name)
    if recording is None:
        raise Refusal(404, "Recording not found")
    return recording


def _get_recording(exchange: Exchange, command: Command) -> Answer:
    return Answer(200, _recording(exchange, command.path[2]).model)


def _leave(recording: Recording) -> None:
    """Leave a recording as it is: it has no sound that could be held back."""
    del recording


def _change_recording(
    exchange: Exchange, change: Callable[[Recording], None]
) -> Callable[[Command], Answer]:
    def handle(command: Command) -> Answer:
        change(_recording(exchange, command.path[2]))
        return Answer(204)

    return handle


def _list_stored(exchange: Exchange, _: Command) -> Answer:
    return Answer(200, list(exchange.stored.values()))


def _get_stored(exchange: Exchange, command: Command) -> Answer:
    stored = exchange.stored.get(command.path[2])
    if stored is None:
        raise Refusal(404, "Recording not found")
    return Answer(200, stored)


def _delete_stored(exchange: Exchange, command: Command) -> Answer:
    if exchange.stored.pop(command.path[2], None) is None:
        raise Refusal(404, "Recording not found")
    return Answer(204)
