# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Go builds the parts, and when Debian packages are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import toolchain
from lab.command import LabError
from lab.toolchain import DebianPackage, debian_packages


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH besides /bin, empty at first, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setenv("FLEETOPS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "POLICY", tmp_path / "policy-rc.d")
    return folder


@pytest.fixture
def cached_go(machine: Path) -> Path:
    folder = machine.parent / "cache" / "go" / toolchain.GO_PACKAGE / "bin"
    folder.mkdir(parents=True)
    return _script(folder / "go", "echo go version go1.26.6 linux/amd64")


@pytest.mark.parametrize("version", ["go1.26.5", "go1.26.12", "go1.27.0", "go1.27rc1"])
def test_a_go_that_is_new_enough_is_taken(machine: Path, version: str) -> None:
    path = _script(machine / "go", f"echo go version {version} linux/amd64")
    assert toolchain.go() == toolchain.Go(path, f"{version} linux/amd64")


@pytest.mark.parametrize("version", ["go1.26.4", "go1.9.7", "go1.25.11"])
def test_an_older_go_gives_way_to_that_of_the_cache(
    machine: Path, cached_go: Path, version: str
) -> None:
    _script(machine / "go", f"echo go version {version} linux/amd64")
    assert toolchain.go().path == cached_go


def test_without_go_that_of_the_cache_is_taken(cached_go: Path) -> None:
    assert toolchain.go() == toolchain.Go(cached_go, "go1.26.6 linux/amd64")


def test_the_users_settings_of_go_do_not_change_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGO_ENABLED", "1")
    monkeypatch.setenv("GOFLAGS", "-race")
    monkeypatch.setenv("GOPROXY", "https://modules.example.org")
    environment = toolchain.Go(Path("go"), "go1.26.6").environment()
    assert (environment["CGO_ENABLED"], environment["GOFLAGS"]) == (
        "0",
        "-trimpath -buildvcs=false -mod=readonly",
    )
    assert environment["GOPROXY"] == "https://modules.example.org"


def test_packages_that_are_there_are_not_installed(machine: Path) -> None:
    log = _apt(machine)
    assert debian_packages([DebianPackage("shell", Path("/bin/sh"))]) == []
    assert not log.exists()


def test_missing_packages_are_installed_without_questions(machine: Path) -> None:
    log = _apt(machine)
    (machine / "env").symlink_to("/usr/bin/env")
    absent = [DebianPackage(name, machine / name) for name in ("runc", "nftables")]
    present = DebianPackage("shell", Path("/bin/sh"))
    assert debian_packages([absent[0], present, absent[1]]) == ["runc", "nftables"]
    update, install = log.read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    assert install.endswith(" install --yes --no-install-recommends runc nftables")


def test_without_apt_it_says_what_is_missing(machine: Path) -> None:
    with pytest.raises(LabError, match=r"needs runc .* no apt-get"):
        debian_packages([DebianPackage("runc", machine / "runc")])


def test_a_failing_apt_is_reported(machine: Path) -> None:
    _script(machine / "apt-get", "echo no such package >&2; exit 100")
    (machine / "env").symlink_to("/usr/bin/env")
    with pytest.raises(LabError, match="no such package"):
        debian_packages([DebianPackage("runc", machine / "runc")])


@pytest.mark.parametrize("own", [None, "#!/bin/sh\nexit 0\n"])
def test_no_service_starts_while_packages_are_installed(machine: Path, own: str | None) -> None:
    policy = toolchain.POLICY
    if own:
        policy.write_text(own)
    answer = machine.parent / "answer"
    _script(machine / "apt-get", f"{policy} containerd start; echo $? > {answer}")
    (machine / "env").symlink_to("/usr/bin/env")
    debian_packages([DebianPackage("containerd", machine / "containerd")])
    assert answer.read_text() == "101\n"
    assert (policy.read_text() if policy.exists() else None) == own


def test_a_policy_that_a_killed_installation_left_aside_is_put_back(machine: Path) -> None:
    policy = toolchain.POLICY
    policy.with_name("policy-rc.d.fleetops-lab").write_text("the machine's own")
    policy.write_text(toolchain.NO_SERVICES)
    _apt(machine)
    (machine / "env").symlink_to("/usr/bin/env")
    debian_packages([DebianPackage("containerd", machine / "containerd")])
    assert policy.read_text() == "the machine's own"
    assert sorted(path.name for path in policy.parent.glob("policy*")) == ["policy-rc.d"]


def _apt(machine: Path) -> Path:
    """An apt-get that only writes down how it was called."""
    log = machine.parent / "apt.log"
    _script(machine / "apt-get", f'echo "$DEBIAN_FRONTEND" "$@" >> {log}')
    return log


def _script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
