"""A language model on this machine, for those who have no key.

`catalogue` names the models and where their files come from, `fetch` brings a file into the cache,
`server` runs it in a process of its own behind an OpenAI-compatible address on loopback:

    model = catalogue.choose(None)
    file = fetch.fetch_model(model, fetch.default_cache(), report)
    async with LocalServer(file, model.settings) as server:
        await server.start(report)
        await server.prime(instructions)
        ...  # server.base_url, server.api_key

Whatever goes wrong is a `LocalModelError` whose text is one sentence with its remedy.
"""
