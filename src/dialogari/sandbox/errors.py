"""What can go wrong with a sandbox Asterisk, split by who must act.

SandboxError
├── UnavailableError   no Asterisk can be had on this machine: the message says what is missing
├── UnsupportedError   this Asterisk is too old for what was asked
├── StartError         an Asterisk was there but did not come up, or its guard failed
└── NotRunningError    something was asked of an Asterisk that is not running

Every message is one sentence fit to be shown to the person at the terminal; a `StartError` adds
the last lines of Asterisk's log.
"""


class SandboxError(Exception):
    """Root of everything the sandbox raises on purpose."""


class UnavailableError(SandboxError):
    """No Asterisk could be found or fetched; the message names what to do about it."""


class UnsupportedError(SandboxError):
    """This Asterisk lacks what was asked of it; the message says since when others have it."""


class StartError(SandboxError):
    """Asterisk, or the guard that watches it, did not do what it was started for."""


class NotRunningError(SandboxError):
    """Asterisk is not running, and what was asked needs it to."""
