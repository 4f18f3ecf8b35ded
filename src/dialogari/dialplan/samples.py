"""What an operator pastes into Asterisk: extensions.conf, ari.conf and http.conf for his settings.

Plain text, made without I/O, each part loaded as it stands into a real Asterisk by the tests.
`docs/dialplan.md` shows the first context word for word. No password is ever in it.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from urllib.parse import urlsplit

from dialogari.dialplan.control import TRANSFERS

NET_MARGIN = 8
"""Seconds between the end of a turn's deadline and the PBX's own net, `TIMEOUT(absolute)`."""
PASSWORD = "PUT-YOUR-PASSWORD-HERE"  # noqa: S105 - stands where the password belongs
WRITE_TIMEOUT = 5000
"""Milliseconds for `websocket_write_timeout`; at the default of 100 a bridge that is busy for a
moment loses its events socket (measured)."""
SESSION_LIMIT = 100
_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - an address for Asterisk, and the sample says what it means


@dataclass(frozen=True, slots=True)
class Sample:
    """The settings that the samples depend on."""

    application: str = "dialogari"
    username: str = "dialogari"
    url: str = "http://127.0.0.1:8088/ari"
    """As `dialogari.ari.parse_url` returns it."""
    turn_deadline: float = 12.0
    """Seconds."""
    prompt: str | None = None
    """A name that may stand in a dialplan; None: the argument is left out."""

    @property
    def net(self) -> int:
        """Seconds after which the PBX takes a call back by itself."""
        return math.ceil(self.turn_deadline + NET_MARGIN)

    @property
    def stasis(self) -> str:
        """The step that hands the call over."""
        prompt = "" if self.prompt is None else f",AI_PROMPT_NAME={self.prompt}"
        return f"Stasis({self.application},UNIQUEID=${{UNIQUEID}}{prompt})"

    @property
    def stasis_in_pieces(self) -> str:
        """The same for a piece of an answer, the variable ASK saying whether it is the first."""
        return f"{self.stasis[:-1]},${{ASK}})"


def render(sample: Sample) -> str:
    """Return all three files, each behind a comment that names it."""
    contexts = (simple_context(sample), pieces_context(sample), limited_context(sample))
    parts = {
        "extensions.conf": "\n".join((*contexts, action_contexts())),
        "ari.conf": ari_conf(sample),
        "http.conf": http_conf(sample),
    }
    return "\n".join(f"; ===== {name} =====\n{text}" for name, text in parts.items())


def simple_context(sample: Sample) -> str:
    """Return the context to start from."""
    return f"""\
[ask-ai]
; the caller's words, by whatever recogniser you like, are in the channel variable USER_INPUT;
; from your own dialplan: Gosub(ask-ai,s,1)
exten => s,1,Set(AI_STATUS=)
 same => n,Set(TIMEOUT(absolute)={sample.net})          ; the PBX's own net: past it, exten T
 same => n,{sample.stasis}
 same => n,Set(TIMEOUT(absolute)=0)
 same => n,GotoIf($["${{STASISSTATUS}}" = "FAILED"]?human)
 same => n,GotoIf($["${{AI_STATUS}}" != "ok"]?human)
 same => n,NoOp(speak this: ${{AI_RESPONSE}})   ; your text to speech
 same => n,GotoIf($["${{AI_ACTION}}" != ""]?act)
 same => n,Return()
 same => n(act),StackPop()   ; it does not return: the model has decided where it goes
 same => n,Goto(ai-action,${{AI_ACTION}},1)
 same => n(human),NoOp(a person takes over)   ; Queue(), Dial(), Voicemail() ...
 same => n,Return()
exten => T,1,Goto(s,human)
"""


def pieces_context(sample: Sample) -> str:
    """Return the same with the answer in pieces."""
    return f"""\
[ask-ai-pieces]
; the same, sentence by sentence: the first one is spoken while the model still writes the rest
exten => s,1,Set(ASK=AI_STREAM=1)
 same => n(ask),Set(AI_STATUS=)
 same => n,Set(TIMEOUT(absolute)={sample.net})
 same => n,{sample.stasis_in_pieces}
 same => n,Set(TIMEOUT(absolute)=0)
 same => n,GotoIf($["${{STASISSTATUS}}" = "FAILED"]?human)
 same => n,GotoIf($["${{AI_STATUS}}" != "ok"]?human)
 same => n,GotoIf($["${{AI_RESPONSE}}" = ""]?spoken)   ; no more has come: that was all
 same => n,NoOp(speak this: ${{AI_RESPONSE}})   ; your text to speech
 same => n(spoken),Set(ASK=AI_CONTINUE=1)
 same => n,GotoIf($["${{AI_MORE}}" = "1"]?ask)
 same => n,Return()
 same => n(human),NoOp(a person takes over)   ; Queue(), Dial(), Voicemail() ...
 same => n,Return()
exten => T,1,Goto(s,human)
"""


def limited_context(sample: Sample) -> str:
    """Return the same for calls that have an absolute limit already, which keep what is left of it.

    Facts it rests on, measured on 22.10: reading TIMEOUT(absolute) gives the seconds left with
    three decimals, 0 for none; setting it to zero or less removes it; going to T removes it too.
    EPOCH has no fractions: a limit whose time has come leaves less than 1 in the difference.
    """
    left = "$[${ASK_END} - ${EPOCH}]"
    return f"""\
[ask-ai-limited]
; the same for a call that has an absolute limit of its own: it keeps what is left of that
exten => s,1,Set(AI_STATUS=)
 same => n,Set(ASK_LEFT=${{TIMEOUT(absolute)}})   ; 0: it has none
 same => n,Set(ASK_END=$[${{EPOCH}} + ${{ASK_LEFT}}])
 same => n,Set(TIMEOUT(absolute)=\
${{IF($[${{ASK_LEFT}} > 0 & ${{ASK_LEFT}} < {sample.net}]?${{ASK_LEFT}}:{sample.net})}})
 same => n,{sample.stasis}
 same => n(back),GotoIf($[${{ASK_LEFT}} > 0]?keep)
 same => n,Set(TIMEOUT(absolute)=0)
 same => n,Goto(check)
 same => n(keep),Set(TIMEOUT(absolute)=${{IF($[{left} > 1]?{left}:1)}})
 same => n(check),GotoIf($["${{STASISSTATUS}}" = "FAILED"]?human)
 same => n,GotoIf($["${{AI_STATUS}}" != "ok"]?human)
 same => n,NoOp(speak this: ${{AI_RESPONSE}})   ; your text to speech
 same => n,GotoIf($["${{AI_ACTION}}" != ""]?act)
 same => n,Return()
 same => n(act),StackPop()   ; it does not return: the model has decided where it goes
 same => n,Goto(ai-action,${{AI_ACTION}},1)
 same => n(human),NoOp(a person takes over)   ; Queue(), Dial(), Voicemail() ...
 same => n,Return()
exten => T,1,GotoIf($[${{ASK_LEFT}} > 0 & {left} < 1]?over)
 same => n,Goto(s,back)
 same => n(over),Hangup()   ; the call's own limit is up: what your own T does
"""


def action_contexts() -> str:
    """Return the contexts that carry out what a model decided."""
    return f"""\
[ai-action]
; what the model decided; a prompt lets it: dialogari prompt set NAME --action hang_up ...
exten => hangup,1,Hangup()
exten => voicemail,1,NoOp(leave a message)   ; VoiceMail(100@default)
 same => n,Hangup()
exten => transfer,1,Goto({TRANSFERS},${{AI_ACTION_TARGET}},1)
exten => i,1,Goto({TRANSFERS},i,1)

[{TRANSFERS}]
; one extension for each --transfer of your prompts, and what it means here
exten => sales,1,NoOp(to the sales)   ; Dial(PJSIP/sales), Queue(sales) ...
 same => n,Hangup()
exten => i,1,NoOp(a person takes over)   ; a target that is not here
 same => n,Hangup()
"""


def ari_conf(sample: Sample) -> str:
    """Return ari.conf, a placeholder where the password belongs."""
    return f"""\
[general]
enabled = yes
; milliseconds; at the default of 100 a bridge that is busy for a moment loses its events
websocket_write_timeout = {WRITE_TIMEOUT}

[{sample.username}]
type = user
read_only = no
password_format = plain
password = {PASSWORD}   ; what ASTERISK_ARI_PASSWORD says
"""


def http_conf(sample: Sample) -> str:
    """Return http.conf for the address that the bridge connects to."""
    parts = urlsplit(sample.url)
    prefix = parts.path.removesuffix("/ari").strip("/")
    lines = ["[general]", "enabled = yes"]
    if parts.scheme == "https":
        # Asterisk listens in the clear as well, so only this machine may reach that.
        lines += [
            "bindaddr = 127.0.0.1",
            "tlsenable = yes",
            f"tlsbindaddr = {_bracketed(_bind_address(parts.hostname))}:{parts.port or 443}",
            "tlscertfile = /etc/asterisk/keys/asterisk.crt   ; your certificate",
            "tlsprivatekey = /etc/asterisk/keys/asterisk.key   ; and its key",
        ]
    else:
        address = _bind_address(parts.hostname)
        note = "   ; let only the bridge reach it" if address == _ALL_ADDRESSES else ""
        lines += [f"bindaddr = {address}{note}", f"bindport = {parts.port or 80}"]
    if prefix:
        lines.append(f"prefix = {prefix}")
    lines += [
        "; connections of all ARI clients together, websockets included; the bridge needs ten",
        f"sessionlimit = {SESSION_LIMIT}",
    ]
    return "\n".join(lines) + "\n"


def _bind_address(host: str | None) -> str:
    """Return what to bind to so that `host` is reached; a name may mean any address."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host or ""))
    except ValueError:
        return _ALL_ADDRESSES


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
