"""Asterisk's files as its own parser takes them, and the steps of a dialplan."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.dialplan.samples import Sample, limited_context, pieces_context, simple_context
from dialogari.doctor.configuration import Configuration, Sections, read_sections
from dialogari.doctor.dialplan import check_dialplan
from dialogari.doctor.extensions import Step, read_extensions
from dialogari.doctor.findings import Verdict


def write(folder: Path, text: str, name: str = "extensions.conf") -> Path:
    """Write a file and return it."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_templates_comments_and_includes(tmp_path: Path) -> None:
    """A template counts for its heirs alone, comments and semicolons are told apart."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere, "[far]\nkey = away\n", "far.conf")
    write(tmp_path, "[near]\nkey = beside\n", "a_near.conf")
    sections = read_sections(
        write(
            tmp_path,
            f"""
[base](!)
key = inherited ; a comment
[heir](base)
other => own\\; value
;-- [hidden]
key = x --;
[heir](+)
third=3
#include a_*.conf
#tryinclude "{elsewhere}/far.conf"
#include "missing.conf"
#exec /bin/false
""",
        )
    )

    assert sections.get("base", "key") == ""
    assert sections.get("heir", "key") == "inherited"
    assert sections.get("heir", "other") == "own; value"
    assert sections.get("heir", "third") == "3"
    assert (sections.get("near", "key"), sections.get("far", "key")) == ("beside", "away")
    assert "hidden" not in sections.pairs


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    """A circle of includes is cut."""
    file = write(tmp_path, "[a]\nkey = 1\n#include extensions.conf\n")

    assert read_sections(file).get("a", "key") == "1"


@given(st.text(alphabet=st.sampled_from("[](){}!+;-#=>,\\\"'\n aincludeSxt$*?/."), max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    """Whatever stands in the file, it is read; only a folder where a file belongs is an error."""
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), text)
        try:
            read_extensions(read_sections(file))
        except OSError:
            assert "include" in text


def test_steps(tmp_path: Path) -> None:
    """Both exten and same, labels, old commas, patterns, two extensions of a context."""
    text = """
[globals]
exten => no,1,Context()
[menu]
exten => _X.,1,Set(A=1)
 same => n(there),Goto(other,1)
same=>n,Hangup
exten => other,1,NoOp,old way
exten => 100,hint,SIP/100
include => far
"""
    found = read_extensions(read_sections(write(tmp_path, text)))

    assert [str(extension) for extension in found] == ["_X.@menu", "other@menu", "100@menu"]
    assert found[0].steps == [Step("set", "A=1"), Step("goto", "other,1"), Step("hangup", "")]
    assert found[1].steps == [Step("noop", "old way")]


@pytest.mark.parametrize("deadline", [1.0, 12.0, 90.5])
def test_the_samples_have_their_nets(tmp_path: Path, deadline: float) -> None:
    """What `dialogari dialplan` prints passes the doctor, in every variant."""
    sample = Sample(turn_deadline=deadline)
    text = simple_context(sample) + pieces_context(sample) + limited_context(sample)
    none = Sections()
    files = Configuration(none, none, none, read_sections(write(tmp_path, text)))
    findings = check_dialplan(files, "dialogari", deadline)

    assert [finding.verdict for finding in findings] == [Verdict.OK]
    assert "s@ask-ai, s@ask-ai-pieces, s@ask-ai-limited" in findings[0].text
