"""`dialogari eval` as a process against a model server: what it prints, writes and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from model_stub import Asked, ModelStub
from processes import openai, run

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
conversations:
  - name: echo
    facts: {who: Ada}
    turns:
      - say: good morning
        must: good morning
        must_not: [evening]
        tools: []
      - say: and now?
        judge: Was it polite?
"""


def _act(asked: Asked) -> str:
    if "You judge" in asked.instructions:
        return "Yes, it was."
    if "You play" in asked.instructions:
        return "DONE" if "You said" in asked.question else "I want a table for <two> & a chair."
    return f"You said {asked.question}"


async def test_all_well(tmp_path: Path) -> None:
    """Exit 0; a line for each turn and one for each model; nothing of it is stored."""
    (tmp_path / "good.yaml").write_text(GOOD)
    async with ModelStub(act=_act) as stub:
        ended = await run(tmp_path, "eval", "good.yaml", **openai(stub))
        asked = [one.question for one in stub.asked]

    assert (ended.code, ended.err) == (0, "")
    assert "You said good morning" in ended.out
    assert "2 of 2" in ended.out
    assert asked[:2] == ["good morning", "and now?"]
    assert "Was it polite?" in asked[2]
    assert len(stub.asked[1].messages) == 4  # it remembers what was said before


async def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    """Exit 1, each model for itself, and JUnit's XML with each failure."""
    (tmp_path / "bad.yaml").write_text(
        "conversations:\n- name: <a&b>\n  turns:\n  - {say: hello, must: [goodbye]}\n"
    )
    async with ModelStub(act=_act) as stub:
        ended = await run(
            tmp_path,
            *("eval", "bad.yaml", "--junit", "out.xml"),
            *("--model", "openai", "--model", "openai:other"),
            **openai(stub),
        )

    assert ended.code == 1
    assert ended.out.count("lacks 'goodbye'") == 2
    assert ended.out.count("0 of 1") == 2
    root = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own
    suites = [(s.get("name"), s.get("tests"), s.get("failures")) for s in root]
    assert suites == [("bad.yaml openai", "1", "1"), ("bad.yaml openai:other", "1", "1")]
    case = root[0][0]
    assert (case.get("classname"), case.get("name")) == ("openai.<a&b>", "hello")
    assert case[0].get("message") == "lacks 'goodbye'"


async def test_a_simulated_caller(tmp_path: Path) -> None:
    """It speaks until it has what it wants; the judge hears the whole call."""
    (tmp_path / "c.yaml").write_text(
        "conversations:\n- {name: table, caller: You want a table., must: [chair],"
        " judge: 'Did it help?', max_turns: 4}\n"
    )
    async with ModelStub(act=_act) as stub:
        ended = await run(tmp_path, "eval", "c.yaml", "--junit", "out.xml", **openai(stub))

    assert (ended.code, ended.err) == (0, "")
    assert len(stub.asked) == 4  # the caller, the answer, the caller again, the judge
    assert "Caller: I want a table" in stub.asked[3].question
    assert "You want a table." in stub.asked[0].instructions


async def test_a_judge_who_says_no(tmp_path: Path) -> None:
    """Only yes is right; a judge that fails is no yes."""
    (tmp_path / "good.yaml").write_text(GOOD)
    for verdict in ("No.", ""):

        def act(asked: Asked, verdict: str = verdict) -> str:
            return verdict if "You judge" in asked.instructions else _act(asked)

        async with ModelStub(act=act) as stub:
            ended = await run(tmp_path, "eval", "good.yaml", **openai(stub))
        assert ended.code == 1
        assert "the judge says" in ended.out


async def test_a_failing_model(tmp_path: Path) -> None:
    """A turn that is not ok fails with its status and reason."""
    (tmp_path / "good.yaml").write_text(GOOD)
    async with ModelStub(fault="http_500") as stub:
        ended = await run(tmp_path, "eval", "good.yaml", **openai(stub))

    assert ended.code == 1
    assert "model_error: openai.http_500" in ended.out


async def test_wrong_usage(tmp_path: Path) -> None:
    """Exit 2 and a line for each file that is wrong; the same for a model nobody has."""
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("conversation: []")
    async with ModelStub() as stub:
        files = await run(tmp_path, "eval", "bad.yaml", "none.yaml", **openai(stub))
        model = await run(tmp_path, "eval", "good.yaml", "--model", "skynet", **openai(stub))

    assert (files.code, model.code) == (2, 2)
    assert [line.partition(":")[0] for line in files.err.splitlines()] == [
        "bad.yaml, line 1",
        "none.yaml",
    ]
    assert "skynet" in model.err
    assert "Traceback" not in files.err + model.err
    assert not stub.asked
