# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd as a node runs it (Debian's 1.6), with all its files in the node's directory."""

from __future__ import annotations

from pathlib import Path

from .unit import Unit

# Where a node finds its own directory: sockets below it would be too long under their full path.
HERE = Path("/run/node")
ROOT = HERE / "containerd"
SOCKET = "/run/containerd/containerd.sock"
# `restrict_oom_score_adj`: without CAP_SYS_RESOURCE runc cannot lower the
# score and dies.
CONFIG = f"""\
version = 2
root = "{ROOT}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.native",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
]

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.k8s.io/pause:3.10"
restrict_oom_score_adj = true
disable_hugetlb_controller = true
tolerate_missing_hugetlb_controller = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{HERE}/cni"
"""


def unit(directory: Path) -> Unit:
    """The unit, its configuration written to the node's directory."""
    (directory / "containerd.toml").write_text(CONFIG, encoding="utf-8")
    argv = ["containerd", f"--config={HERE}/containerd.toml"]
    return Unit("containerd", argv, probe=f"unix:{SOCKET}")
