"""OpenAI's chat completions, as every compatible server speaks them, at the cost of a raw client.

Behind pydantic-ai's `Model`, on aiohttp and msgspec: a streamed turn through the official client
costs five to ten times as much CPU (`bench/stream.py`).

    sse     bytes to events       wire    events to typed chunks     body   messages to a request
    errors  what the network and servers do wrong, as pydantic-ai's errors
    stream  an answer being read  model   the `Model`                client one session a provider
"""
