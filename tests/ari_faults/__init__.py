"""A fault run: calls are served while the link to a real Asterisk is cut and Asterisk is killed.

Two sides keep books that know nothing of each other. The dialplan (`placing`) writes down each
step of each call as it happens; the program under test (`answering`) writes down each call that
the library gave it, and each Resumed and Lost. `accounts` compares the two, `run` is the run.
"""
