# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that the lab's nodes hold, under the names that the charts ask for.

A tag tells the truth about Kubernetes: it exists only for the releases the lab runs. The tags
of etcd, CoreDNS and the vCluster are those of the charts, whatever release serves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .command import LabError
from .oci import Image, write
from .parts import build

BUSYBOX_PROGRAM = Path("/bin/busybox")
# fmt: off
APPLETS = (
    "cat", "cp", "dd", "df", "env", "false", "id", "ls", "mkdir", "nc", "nslookup", "rm",
    "sh", "sleep", "sync", "true", "wget",
)
# fmt: on

PAUSE = "registry.k8s.io/pause:3.10"  # named by containerd's settings on every node
BUSYBOX = "docker.io/library/busybox:1.35"
COREDNS = "docker.io/coredns/coredns:1.12.1"
ETCD = ("registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/etcd:3.6.4-0")
LINES = ("0.34.7", "0.35.3", "0.36.1")
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
    """The tars of all images that vClusters of these lines and releases of Kubernetes need.

    :param lines: Chart versions, such as `0.36.1`.
    :param kubernetes: Tenant releases, such as `v1.36.3`; the lab runs those of `KUBERNETES`.
    """
    unknown = sorted(set(kubernetes) - set(_TENANT_PROGRAMS))
    if unknown:
        known = ", ".join(_TENANT_PROGRAMS)
        raise LabError(f"Kubernetes {', '.join(unknown)}: the lab runs {known} only")
    images = [_pause(), _busybox(), _coredns(), _etcd()]
    images += [_kubernetes(release) for release in kubernetes]
    images.append(_syncer(lines, kubernetes))
    return [write(image) for image in images]


def _pause() -> Image:
    # All that a sandbox needs is a process that stays; busybox counts no further than this.
    seconds = "2147483647"
    return Image((PAUSE,), {"/bin/sleep": BUSYBOX_PROGRAM}, entrypoint=("/bin/sleep", seconds))


def _busybox() -> Image:
    return Image((BUSYBOX,), _shell(), entrypoint=("/bin/sh",))


def _coredns() -> Image:
    program = build(["coredns"])["coredns"]
    return Image((COREDNS,), {"/coredns": program}, entrypoint=("/coredns",), user="1001:1001")


def _etcd() -> Image:
    programs = build(["etcd-3.6"])
    files = {f"/usr/local/bin/{name}": path for name, path in programs.items()}
    return Image(ETCD, {**files, **_shell()}, entrypoint=("/usr/local/bin/etcd",))


def _kubernetes(release: str) -> Image:
    """The image of the init container, which copies /kubernetes for the syncer to run from.

    It holds links into the syncer's image alone: the programs are on a node once, and the copy
    takes no time.
    """
    links = {f"/kubernetes/{name}": f"/lab/{release}/{name}" for name in _TENANT_PROGRAMS[release]}
    return Image((f"ghcr.io/loft-sh/kubernetes:{release}",), _shell(), links)


def _syncer(lines: Sequence[str], kubernetes: Sequence[str]) -> Image:
    """The stand-in of the vCluster itself, one image under the name of every line and edition."""
    programs = build(["syncer", "kine"])
    files: dict[str, Path] = {
        "/vcluster": programs["syncer"],
        "/usr/local/bin/kine": programs["kine"],
    }
    for release in kubernetes:
        built = build(_TENANT_PROGRAMS[release].values())
        for name, program in _TENANT_PROGRAMS[release].items():
            files[f"/lab/{release}/{name}"] = built[program]
    editions = ("vcluster-pro", "vcluster-oss")
    names = tuple(f"ghcr.io/loft-sh/{edition}:{line}" for edition in editions for line in lines)
    return Image(names, {**files, **_shell()}, entrypoint=("/vcluster", "start"))


def _shell() -> dict[str, Path]:
    return {f"/bin/{applet}": BUSYBOX_PROGRAM for applet in APPLETS}
