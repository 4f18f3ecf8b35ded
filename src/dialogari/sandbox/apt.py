"""Packages of another Debian release, by an apt of our own: no root, the system untouched.

apt-get is run on a state, a cache and a list of sources in a folder of ours. It takes the system's
mirror, proxies, credentials and keys, and checks the signatures and checksums of all it downloads.
Only the age of an index is not checked: a mirror that lags behind, or a clock that is wrong, does
no harm to an Asterisk that listens on the loopback address alone.
Nothing is installed: packages are only unpacked, none of their scripts is run.

Dependencies are kept thin. Asterisk's packages ask for the client libraries of every database and
telephone card it knows, 81 MB in all; the modules used here want a third of that. What is left out
is declared installed in the status file of our apt, so that apt doesn't go and get it.
"""

from __future__ import annotations

import platform
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.program import ProgramError, run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm")
_NEEDED = re.compile(
    r"(asterisk-modules|libc6|libgcc-s1|libstdc.*|libcap2|libcrypt1|libedit2|libjansson4|libpopt0"
    r"|libsqlite3-0|libssl.*|libsystemd0|liburiparser1|libuuid1|libxml2.*|libxslt1\.1|zlib1g"
    r"|libgsm1|libspeex1|libspeexdsp1|libsrtp2-1|libopus0)"
)
"""The direct dependencies of Asterisk's packages that the sandbox's modules really load."""
_KEYRINGS = (
    "debian-archive-keyring.pgp",
    "debian-archive-keyring.gpg",
    "ubuntu-archive-keyring.gpg",
)
_NOT_TAKEN_OVER = ("Acquire::Languages", "Acquire::IndexTargets")
"""Settings of the system's apt that make it fetch more than the list of packages."""
_RELEASE_NAMES = ("stable", "oldstable", "testing", "unstable", "sid")

_CONFIGURATION = """\
Dir::Etc "{folder}/etc"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{folder}/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trustedparts "{folder}/etc/keys";
Dir::State "{folder}/state"; Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache"; Dir::Cache::archives "{folder}/archives";
APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "0"; APT::Sandbox::User ""; APT::Get::Assume-Yes "1";
APT::Update::Error-Mode "any";
Acquire::Check-Valid-Until "false"; Acquire::Check-Date "false";
Acquire::Languages {{ "none"; }};
Debug::NoLocking "1";
"""
_LEFT_OUT = """\
Package: {name}
Status: install ok installed
Architecture: {architecture}
Version: {version}
Provides: debconf-2.0
Maintainer: nobody
Description: left out

"""
_UNREACHABLE = (
    r"(?i)(unable to|could not) connect|resolv|timed out|unreachable|connection (fail|ref)"
)
_REASONS = {
    r"does not have a Release file": "{uri} has no suite {suite}",
    r"NO_PUBKEY|EXPKEYSIG|is not signed|couldn't be verified": (
        "this machine's keys don't verify suite {suite} of {uri} (update its archive keyring)"
    ),
    _UNREACHABLE: "apt can't reach {uri} (check the network, or apt's proxy)",
    r"Unable to locate package": "suite {suite} of {uri} has no asterisk package",
}
"""What apt says, and what that means; the first that is found counts."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One release of a distribution at one mirror."""

    uri: str
    name: str
    components: str


def choose_suites(names: Sequence[str]) -> Sequence[str]:
    """Return the Debian suites `names`, or on Ubuntu its own release.

    Ubuntu's mirrors don't carry Debian's suites, and its own Asterisk is recent enough.
    """
    release = _system_release().get("UBUNTU_CODENAME")
    return (release,) if release else names


def find_suites(names: Sequence[str]) -> list[Suite]:
    """Return the suites `names` at the mirrors this system's apt uses, mirror by mirror.

    Works when apt has never fetched an index: apt itself reads the mirrors from its sources.

    Raises:
        UnavailableError: the system's apt has no usable source.
    """
    system = _system_release()
    components = "main universe" if "UBUNTU_CODENAME" in system else "main"
    known = {system.get("VERSION_CODENAME", ""), *_RELEASE_NAMES, *names}
    with tempfile.TemporaryDirectory() as lists:
        (Path(lists) / "partial").mkdir()
        # Lists of our own: those of the system may be locked, and are not ours to write.
        command = ["apt-get", "-o", f"Dir::State::lists={lists}", "--print-uris", "update"]
        try:
            listing = run_program(command)
        except ProgramError as error:
            raise UnavailableError(f"this system's apt can't read its sources: {error}") from error
    found = re.findall(r"^'(\S+)/dists/([^/\s]+)/InRelease'", listing, re.MULTILINE)
    mirrors = dict.fromkeys(uri for uri, suite in found if suite in known)
    if not mirrors:
        raise UnavailableError("this system's apt sources name no Debian or Ubuntu mirror")
    return [Suite(uri, name, components) for uri in mirrors for name in names]


def _system_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


@dataclass(frozen=True, slots=True)
class PrivateApt:
    """An apt on one suite, with everything it knows and downloads below `folder`."""

    folder: Path
    suite: Suite
    architecture: str

    def is_unreachable(self, error: ProgramError) -> bool:
        """Return whether the mirror could not be reached, and so neither its other suites."""
        return re.search(_UNREACHABLE, str(error)) is not None

    def explain(self, error: ProgramError) -> str:
        """Return in plain words why apt failed on this suite."""
        uri = re.sub(r"//[^/@]*@", "//", self.suite.uri)
        for pattern, reason in _REASONS.items():
            if re.search(pattern, str(error)):
                return reason.format(uri=uri, suite=self.suite.name)
        return f"apt failed on suite {self.suite.name} of {uri}: {error}"

    def read_index(self, report: Callable[[int], None]) -> None:
        """Fetch and verify the suite's index, some 10 MB.

        `report` is called while it comes, with the bytes that lie on the disk, unpacked.

        Raises:
            ProgramError: no such suite, no network, or a signature that doesn't match.
        """
        for name in ("etc/keys", "state", "lists/partial", "cache", "archives/partial"):
            (self.folder / name).mkdir(parents=True)
        configuration = _CONFIGURATION.format(folder=self.folder, architecture=self.architecture)
        self._configuration.write_text(_system_acquire_options() + configuration)
        for key in _system_keys():
            # apt reads only these two endings, and .pgp is a newer name of .gpg
            ending = ".asc" if key.suffix == ".asc" else ".gpg"
            (self.folder / "etc/keys" / (key.stem + ending)).symlink_to(key)
        suite = self.suite
        (self.folder / "etc/sources.list").write_text(
            f"deb {suite.uri} {suite.name} {suite.components}\n"
        )
        (self.folder / "status").touch()
        self._apt("apt-get", "-qq", "update", watch=self.folder / "lists", report=report)
        self._leave_out_dependencies()

    def download_size(self) -> int:
        """Return how many bytes `download` will fetch.

        Raises:
            ProgramError: the suite has no asterisk, or its dependencies don't resolve.
        """
        listing = self._apt("apt-get", "-qq", "--print-uris", "install", *_PACKAGES)
        return sum(int(size) for size in re.findall(r"^'\S+' \S+ (\d+)", listing, re.MULTILINE))

    def download(self, report: Callable[[int], None]) -> list[Path]:
        """Download and verify Asterisk and what it needs; `report` gets the bytes so far.

        Raises:
            ProgramError: a download failed or its checksum doesn't match.
        """
        archives = self.folder / "archives"
        self._apt("apt-get", "-qq", "-d", "install", *_PACKAGES, watch=archives, report=report)
        return sorted(archives.glob("*.deb"))

    @property
    def _configuration(self) -> Path:
        return self.folder / "apt.conf"

    def _apt(
        self,
        *command: str,
        watch: Path | None = None,
        report: Callable[[int], None] | None = None,
    ) -> str:
        return run_program(command, {"APT_CONFIG": str(self._configuration)}, watch, report)

    def _leave_out_dependencies(self) -> None:
        shown = self._apt("apt-cache", "show", "--no-all-versions", "asterisk", "asterisk-modules")
        version = re.search(r"^Version: (\S+)", shown, re.MULTILINE)
        if version is None:
            raise ProgramError("E: Unable to locate package asterisk")
        depends = re.findall(r"^(?:Pre-)?Depends: (.*)", shown, re.MULTILINE)
        names = re.findall(r"(?:^|[,|]) *([^ :,|]+)", ",".join(depends))
        unwanted = {name for name in names if not _NEEDED.fullmatch(name)}
        with (self.folder / "status").open("w") as status:
            for name in sorted(unwanted | {"debconf", "perl-base"}):
                # asterisk wants its own exact version of the configuration package
                fitting = version[1] if name == "asterisk-config" else "9999:1"
                status.write(
                    _LEFT_OUT.format(name=name, architecture=self.architecture, version=fitting)
                )


def _system_acquire_options() -> str:
    """Return the system's proxies, certificates, limits and credential files, none of its hooks."""
    try:
        options = run_program(["apt-config", "dump", "Acquire"])
        netrc = run_program(["apt-config", "shell", "file", "Dir::Etc::netrc/f"])
        parts = run_program(["apt-config", "shell", "parts", "Dir::Etc::netrcparts/d"])
    except ProgramError:
        return ""
    paths = dict(re.findall(r"^(\w+)='(.*)'$", netrc + parts, re.MULTILINE))
    taken = [line for line in options.splitlines() if not line.startswith(_NOT_TAKEN_OVER)]
    return (
        "\n".join(taken) + f'\nDir::Etc::netrc "{paths.get("file", "/dev/null")}";\n'
        f'Dir::Etc::netrcparts "{paths.get("parts", "/dev/null")}";\n'
    )


def _system_keys() -> list[Path]:
    files = [
        *Path("/etc/apt/trusted.gpg.d").glob("*"),
        *(Path("/usr/share/keyrings") / name for name in _KEYRINGS),
    ]
    return list({file.stem: file for file in files if file.is_file()}.values())
