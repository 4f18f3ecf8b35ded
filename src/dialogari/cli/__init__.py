"""The command line, `dialogari …`: a module for each group of commands, on what `app` offers.

Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage or configuration, then with one
line for each setting that is wrong and no traceback.
"""

from dialogari.cli.commands import main

__all__ = ["main"]
