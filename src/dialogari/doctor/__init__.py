"""`dialogari doctor`: what stands between this installation and an answered call.

One check per function; each returns findings, never raises for what it finds, and names the remedy
in one line. `examine` runs them in the order in which one depends on another. All of it is safe
beside a PBX and a bridge at work: no call is placed, no events socket is opened (that would take
the application over), nothing is written to Asterisk, no database is made or upgraded.

    findings       what a check says
    ari            questions to Asterisk over HTTP, and what their failures mean
    reach          address, credentials, rights, clock
    pbx            version, modules, the timeout of its websockets
    sessions       how many connections Asterisk still takes
    application    who has the application now, the bridge on this machine included
    configuration  Asterisk's own files, where they can be read
    extensions     extensions.conf into steps           dialplan  what is wrong with the steps
    models         a question to each model             storage   disk, database, local model

`docs/doctor.md` has a row for every finding.
"""
