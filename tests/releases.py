"""The Asterisks that the suite runs against, and the choice of tests that need only one of them.

They are the ends of what we support: 22 has every feature we use; 16.28 has none of them, and lets
each command wait for its channel. All that goes through Asterisk runs on both: the path, words,
answers, faults, SIP, and what dies. What only waits, or ends at HTTP or a log of ours, runs on 22.
"""

from __future__ import annotations

import pytest

RELEASES = {"asterisk-22": "asterisk_installation", "asterisk-16": "old_installation"}
"""The name of an Asterisk in the ids of tests, and the fixture that has it."""
BULK_VARIABLES = COMMANDS_ON_THE_SOCKET = ("fake", "asterisk-22")
"""Values of the fixture `original` in tests/ari that have that feature."""

newest_alone = pytest.mark.parametrize("each_installation", ["asterisk-22"], indirect=True)
"""Marks a test whose claim no other Asterisk could change."""
