# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of how a host cluster is reached."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Kubeconfig of the host cluster; E(KUBECONFIG), then C(~/.kube/config) by default.
    type: path
  context:
    description: Context in O(kubeconfig); its current one by default.
    type: str
  api_host:
    description: Address of the host cluster's API server (C(https://...)), instead of O(kubeconfig).
    type: str
  api_token:
    description: Bearer token that goes with O(api_host).
    type: str
  api_ca_cert:
    description: Path of the CA bundle that goes with O(api_host).
    type: path
  cluster:
    description: Name of the host cluster in messages; the context or the kubeconfig's name by default.
    type: str
requirements:
  - kubernetes >= 24.2.0, but not 36.0.0
"""
