"""`python -m dialogari` is the command `dialogari`."""

from dialogari.cli import main

main()
