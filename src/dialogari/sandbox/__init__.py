"""A real Asterisk in a folder, for the demo and the tests.

`fetch.find_asterisk` finds one, or gets it from Debian's archive without root and without touching
the system; `asterisk.Asterisk` runs it on free loopback ports with a configuration of its own:

    installation = find_asterisk(default_cache())
    async with Asterisk(installation, dialplan=Path("extensions.conf").read_text()) as asterisk:
        print(asterisk.url, await asterisk.run_cli("core show version"))

`guard.py` is a small process between us and Asterisk: it ends Asterisk and removes its folder when
we die, however we die.
"""
