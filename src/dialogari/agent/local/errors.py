"""What can go wrong with a model on this machine, split by who must act.

LocalModelError
├── UnknownModelError    the setting names neither a model of the catalogue nor a GGUF file
├── FetchError           no source gave the file: the message has one sentence for each
├── NotInstalledError    the package that runs models is missing
└── ServerError          the model's process did not start, or died

Every message is fit to be shown to the operator and says what to do.
"""


class LocalModelError(Exception):
    """Root of everything that this package raises on purpose."""


class UnknownModelError(LocalModelError):
    """No model goes by that name and no GGUF file lies there."""


class FetchError(LocalModelError):
    """The model's file can't be had; the message names every source and why it failed."""


class NotInstalledError(LocalModelError):
    """The optional packages for local models are not installed."""


class ServerError(LocalModelError):
    """The process that runs the model did not start or is gone."""
