# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that the lab's nodes hold, under the names that the charts ask for.

A tag tells the truth about Kubernetes: it exists only for the releases the lab runs. The tags
of CoreDNS and the vCluster are those of the charts, whatever release serves them; those of etcd
are the charts' too, and tell the minor release of the program truly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .command import LabError
from .oci import Image, write
from .parts import PARTS, build

BUSYBOX_PROGRAM = Path("/bin/busybox")
# fmt: off
APPLETS = (
    "cat", "cmp", "cp", "dd", "df", "env", "false", "head", "id", "ls", "mkdir", "mv", "nc",
    "nslookup", "rm", "sh", "sha256sum", "sleep", "sync", "true", "wc", "wget",
)
# fmt: on

PAUSE = "registry.k8s.io/pause:3.10"  # named by containerd's settings on every node
BUSYBOX = "docker.io/library/busybox:1.35"
COREDNS = "docker.io/coredns/coredns:1.12.1"
ETCD: Mapping[str, Sequence[str]] = {  # part, and the tags that the charts ask for
    "etcd-3.6": ("3.6.8-0", "3.6.4-0"),
    "etcd-3.5": ("3.5.25-0",),
}
# From 0.17.3 on kine answers that it created what its database refused (pkg/logstructured, Create).
KINE: Mapping[str, str] = {"kine-0.17.2": "v0.17.2", "kine": "v0.17.5"}  # part, and its tag
EDITIONS = ("vcluster-pro", "vcluster-oss")
LINES = ("0.28.2", "0.29.3", "0.34.7", "0.35.3", "0.36.1")
KUBERNETES = ("v1.36.3", "v1.35.4")

_TENANT_PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "v1.36.3": {
        "kube-apiserver": "kube-apiserver",
        "kube-controller-manager": "kube-controller-manager",
    },
    "v1.35.4": {
        "kube-apiserver": "kube-apiserver-1.35",
        "kube-controller-manager": "kube-controller-manager-1.35",
    },
}


def images_for(lines: Sequence[str] = LINES, kubernetes: Sequence[str] = KUBERNETES) -> list[Path]:
    """The tars of all images on a node for vClusters of these lines and releases of Kubernetes.

    :param lines: Chart versions, such as `0.36.1`; none for a node without vClusters.
    :param kubernetes: Tenant releases, such as `v1.36.3`; the lab runs those of `KUBERNETES`.
    """
    programs = build(programs_for(lines, kubernetes))
    images = [_pause(), _busybox(), _coredns(programs), *(_etcd(part, programs) for part in ETCD)]
    if lines:
        images += [_kubernetes(release) for release in kubernetes]
        images.append(_syncer(lines, kubernetes, programs))
        images += [_kine(part, programs) for part in KINE]
    return [write(image) for image in images]


def programs_for(lines: Sequence[str] = LINES, kubernetes: Sequence[str] = KUBERNETES) -> list[str]:
    """The names of the programs in those images; see images_for."""
    unknown = sorted(set(kubernetes) - set(_TENANT_PROGRAMS))
    if unknown:
        known = ", ".join(_TENANT_PROGRAMS)
        raise LabError(f"Kubernetes {', '.join(unknown)}: the lab runs {known} only")
    names = ["coredns", *(program for part in ETCD for program in PARTS[part].programs)]
    if lines:
        names += ["syncer", *KINE]
        names += [name for release in kubernetes for name in _TENANT_PROGRAMS[release].values()]
    return names


def _pause() -> Image:
    # All that a sandbox needs is a process that stays; busybox counts no further than this.
    command = ("/bin/sleep", "2147483647")
    return Image((PAUSE,), {"/bin/sleep": BUSYBOX_PROGRAM}, entrypoint=command)


def _busybox() -> Image:
    return Image((BUSYBOX,), _shell(), entrypoint=("/bin/sh",))


def _coredns(programs: Mapping[str, Path]) -> Image:
    files = {"/coredns": programs["coredns"]}
    return Image((COREDNS,), files, entrypoint=("/coredns",), user="1001:1001")


def _etcd(part: str, programs: Mapping[str, Path]) -> Image:
    names = tuple(f"registry.k8s.io/etcd:{tag}" for tag in ETCD[part])
    files = {
        f"/usr/local/bin/{called}": programs[name] for name, called in PARTS[part].programs.items()
    }
    return Image(names, {**files, **_shell()}, entrypoint=("/usr/local/bin/etcd",))


def _kine(part: str, programs: Mapping[str, Path]) -> Image:
    names = (f"docker.io/rancher/kine:{KINE[part]}",)
    return Image(names, {"/bin/kine": programs[part], **_shell()}, entrypoint=("/bin/kine",))


def _kubernetes(release: str) -> Image:
    """The image of the init container, which copies /kubernetes for the syncer to run from.

    It holds links into the syncer's image alone: the programs are on a node once, and the copy
    takes no time.
    """
    links = {f"/kubernetes/{name}": _home(release, name) for name in _TENANT_PROGRAMS[release]}
    return Image((f"ghcr.io/loft-sh/kubernetes:{release}",), _shell(), links)


def _syncer(lines: Sequence[str], kubernetes: Sequence[str], programs: Mapping[str, Path]) -> Image:
    """The stand-in of the vCluster itself, one image under the name of every line and edition."""
    files = {"/vcluster": programs["syncer"], "/usr/local/bin/kine": programs["kine"]}
    for release in kubernetes:
        for name, program in _TENANT_PROGRAMS[release].items():
            files[_home(release, name)] = programs[program]
    names = [f"ghcr.io/loft-sh/{edition}:{line}" for edition in EDITIONS for line in lines]
    return Image(tuple(names), {**files, **_shell()}, entrypoint=("/vcluster", "start"))


def _home(release: str, name: str) -> str:
    """Where a program of a Kubernetes release is in the syncer's image."""
    return f"/lab/{release}/{name}"


def _shell() -> dict[str, Path]:
    return {f"/bin/{applet}": BUSYBOX_PROGRAM for applet in APPLETS}
