"""The dialplan's door: Stasis arguments and channel variables on one side, a turn on the other.

`arguments` reads what the dialplan passed, `variables` writes what it will read, both without
I/O; `door` takes a call through the two.
"""
