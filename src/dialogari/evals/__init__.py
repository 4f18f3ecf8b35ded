"""Evaluations: conversations with expectations, held with any model, judged and told.

cases.py    what a file of conversations says         reading.py   a file, by line and column
checks.py   an answer against what is expected of it, without I/O
runner.py   holds the conversations, by the same way in as a call
report.py   the results as a table and for a build server
"""
