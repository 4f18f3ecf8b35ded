"""Finding and fetching an Asterisk: from Debian for real, and every way in which it can't be had.

One test fetches from nothing, as a machine does that has never seen Asterisk: 35 MB, some 10 s.
"""

from __future__ import annotations

import asyncio
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from dialogari.sandbox.apt import choose_suites
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.fetch import (
    Installation,
    Progress,
    default_cache,
    fetch_asterisk,
    find_asterisk,
)
from dialogari.sandbox.installation import find_installed

if TYPE_CHECKING:
    from pathlib import Path

FETCH = """
import sys
from pathlib import Path
from dialogari.sandbox.fetch import find_asterisk

def report(progress):
    print(progress.step, progress.done, progress.total, sep="\\t", flush=True)

print(find_asterisk(Path(sys.argv[1]), report=report).version)
"""


@pytest.fixture
def nothing_installed() -> None:
    """Some tests are about a machine without an Asterisk of its own."""
    if find_installed():
        pytest.skip("NOT TESTED: this machine has an Asterisk installed")


@pytest.fixture
def fetched(asterisk_installation: Installation, nothing_installed: None) -> Installation:
    """An Asterisk that came from Debian, not from this machine."""
    assert nothing_installed is None
    return asterisk_installation


@pytest.fixture
def debian(fetched: Installation) -> None:
    """Some tests name suites of their own, which counts on Debian only."""
    assert fetched
    if choose_suites(["other"]) != ["other"]:
        pytest.skip("NOT TESTED: on Ubuntu its own release is the only suite")


def _put_on_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tree: Installation, version: str = ""
) -> None:
    """Install an Asterisk below `folder` as a system has it: a program, its modules, its data."""
    for place in ("bin", "lib/asterisk", "share/asterisk/sounds"):
        (folder / place).mkdir(parents=True)
    said = f'[ "$1" = -V ] && echo "Asterisk {version}" && exit' if version else ""
    program = folder / "bin/asterisk"
    program.write_text(f'#!/bin/sh\n{said}\nexec {" ".join(tree.command)} "$@"\n')
    program.chmod(0o755)
    (folder / "lib/asterisk/modules").symlink_to(tree.modules)
    (folder / "share/asterisk/documentation").symlink_to(tree.documentation)
    (folder / "share/asterisk/rest-api").symlink_to(tree.rest_api)
    (folder / "share/asterisk/sounds/en").symlink_to(tree.sounds)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("fetched")
async def test_two_processes_fetch_at_once(tmp_path: Path) -> None:
    """Both get a whole Asterisk that runs, one of them by waiting for the other; bytes are told."""
    cache = tmp_path / "cache"
    (cache / "building-left-by-a-killed-process").mkdir(parents=True)
    async with asyncio.timeout(300):
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", FETCH, str(cache)), stdout=asyncio.subprocess.PIPE
            )
            for _ in range(2)
        ]
        outputs = [(await process.communicate())[0].decode() for process in processes]
    told = sorted((output.splitlines() for output in outputs), key=lambda lines: lines[0])
    steps = [list(dict.fromkeys(line.split("\t")[0] for line in lines[:-1])) for lines in told]
    suite = next(cache.glob("*-1")).name.partition("-")[0]
    assert steps == [
        [f"Reading the package index of {suite}", "Downloading Asterisk", "Unpacking Asterisk"],
        ["Waiting for another process that is fetching Asterisk"],
    ]
    _, done, total = told[0][-2].split("\t")
    assert int(done) == int(total) > 10_000_000
    asterisk = find_asterisk(cache)
    assert told[0][-1] == told[1][-1] == asterisk.version
    assert asterisk.major >= 20
    assert {path.name for path in cache.iterdir()} == {asterisk.modules.parents[4].name, "lock"}
    async with Asterisk(asterisk) as running:
        assert asterisk.version in await running.run_cli("core show version")


@pytest.mark.usefixtures("fetched")
def test_the_cache_needs_nothing_but_itself(
    asterisk_installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is in the cache is found without apt or any other program, and nothing is reported."""
    monkeypatch.setenv("PATH", str(tmp_path))
    reports: list[Progress] = []
    assert find_asterisk(default_cache(), report=reports.append) == asterisk_installation
    assert reports == []


@pytest.mark.usefixtures("nothing_installed")
def test_a_machine_without_apt_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without apt and without an Asterisk the sentence names both and what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"no apt-get on PATH.*install Asterisk 20 or later"):
        find_asterisk(tmp_path / "cache")


@pytest.mark.usefixtures("debian")
def test_a_suite_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The sentence names the suite and the mirror that does not have it; nothing stays behind."""
    with pytest.raises(UnavailableError, match=r"http\S+ has no suite no-such-suite"):
        find_asterisk(tmp_path / "cache", suites=["no-such-suite"])
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


@pytest.mark.usefixtures("debian")
def test_a_network_that_is_away_is_named_and_apts_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a dead proxy in apt's own settings nothing is fetched around it, nor tried twice."""
    settings = tmp_path / "apt.conf"
    settings.write_text(
        textwrap.dedent("""\
        Acquire::http::Proxy "http://127.0.0.1:9";
        Acquire::https::Proxy "http://127.0.0.1:9";
        Acquire::Retries "0";
        """)
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))
    reports: list[Progress] = []
    with pytest.raises(UnavailableError, match=r"apt can't reach http\S+ \(check the network"):
        find_asterisk(tmp_path / "cache", ["one", "two"], reports.append)
    assert {progress.step for progress in reports} == {"Reading the package index of one"}


@pytest.mark.usefixtures("nothing_installed")
def test_a_cache_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """A cache below something that is no folder is named, with the way to choose another."""
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"file/cache can't be used.*XDG_CACHE_HOME"):
        find_asterisk(tmp_path / "file/cache")


async def test_an_installed_asterisk_is_preferred_to_fetching(
    fetched: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One on PATH of series 20 or later is taken without a download, and runs."""
    _put_on_path(tmp_path, monkeypatch, fetched)
    found = find_asterisk(tmp_path / "cache")
    assert found.command == (str(tmp_path / "bin/asterisk"),)
    assert found.version == fetched.version
    assert not (tmp_path / "cache").exists()
    async with Asterisk(found) as asterisk:
        assert found.version in await asterisk.run_cli("core show version")


@pytest.mark.usefixtures("debian")
def test_an_old_installed_asterisk_is_the_last_resort(
    fetched: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An older one is taken only after all suites have failed."""
    _put_on_path(tmp_path, monkeypatch, fetched, version="16.28.0~dfsg-0+deb11u4")
    found = find_asterisk(tmp_path / "cache", suites=["no-such-suite"])
    assert found.version == "16.28.0"


@pytest.mark.usefixtures("debian")
def test_named_suites_are_fetched_or_nothing(
    fetched: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where one release is wanted, no installed Asterisk is taken for it, however new."""
    _put_on_path(tmp_path, monkeypatch, fetched)
    with pytest.raises(UnavailableError, match="has no suite no-such-suite"):
        fetch_asterisk(tmp_path / "cache", ["no-such-suite"])


@pytest.mark.parametrize(
    ("said", "version", "major"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1", 22),
        ("certified/20.7-cert1", "20.7", 20),
        ("GIT-21-0a1b2c3", "21", 21),
    ],
)
def test_versions_are_read_as_asterisk_writes_them(
    fetched: Installation,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    said: str,
    version: str,
    major: int,
) -> None:
    """Releases, certified releases and builds from git name their version in different ways."""
    _put_on_path(tmp_path, monkeypatch, fetched, version=said)
    found = find_installed()
    assert found is not None
    assert (found.version, found.major) == (version, major)


def test_an_installed_asterisk_that_does_not_run_is_none(
    fetched: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program of that name that is no working Asterisk counts as not there."""
    _put_on_path(tmp_path, monkeypatch, fetched)
    (tmp_path / "bin/asterisk").write_text("#!/bin/sh\nexit 1\n")
    assert find_installed() is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/dialogari/asterisk"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/dialogari/asterisk"),
    ],
)
def test_the_cache_is_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    """XDG_CACHE_HOME counts, else .cache in the home folder."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(default_cache()) == expected


def test_the_cache_is_found_without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where HOME is empty, the user's home is taken from the system's list of users."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "")
    assert default_cache().is_absolute()
    assert default_cache().parts[-3:] == (".cache", "dialogari", "asterisk")
