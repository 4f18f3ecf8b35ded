"""The shell: builds every part, hands each what it needs, runs them and stops them in order.

The only package that may import all others, and the only one that knows which part plays which
protocol of `dialogari.turn`. Nothing connects before it is asked to. A terminal command imports
the module it needs and no other: the libraries behind the models cost seconds to import.

    prompts    the store alone
    tools      the same, and one tool tried out
    database   the database beneath it
    ai         store + models + conversations: enough for a turn from the terminal
    bridge     the same, and the link to Asterisk, the web server, and an end without loss
    diagnosis  the checks of the doctor, with the models to ask
    sample     the files to paste into Asterisk
    complaint  what to tell an operator of an error
"""
