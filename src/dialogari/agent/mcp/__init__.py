"""MCP servers: programs we start, or addresses, whose tools a prompt may offer.

`servers` is what the agent meets; `connection` keeps one server at hand, `stdio` and `http` carry
its messages, `result` turns what it says into what a model is told, `rules` knows what can be one.
The protocol itself is the official library's, imported where there is a server: it costs 0.6 s.
"""
