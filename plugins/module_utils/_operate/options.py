# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every module has beside the arguments of a vCluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.arguments import ACCESS, ARGUMENTS
from .._core.spec import Spec
from .._plan.inventory import spec_from
from .._plan.values import path_of
from .context import Context

COMMON: dict[str, dict[str, Any]] = {
    "from_inventory": {"type": "bool", "default": False},
    "host": {"type": "str"},
    "secret_paths": {"type": "list", "elements": "str", "no_log": False},
}
VCLUSTER_SPEC: dict[str, dict[str, Any]] = {**ARGUMENTS, **COMMON}
INFO_SPEC = VERIFY_SPEC = SNAPSHOT_INFO_SPEC = SNAPSHOT_REQUEST_SPEC = VCLUSTER_SPEC
AUDIT: dict[str, dict[str, Any]] = {
    "run": {"type": "str"},
    "by": {"type": "str"},
    "reason": {"type": "str"},
}
CONTROL_PLANE_SPEC: dict[str, dict[str, Any]] = {
    **VCLUSTER_SPEC,
    "planned": {"type": "str"},
    "on_change": {"type": "str", "choices": ["refuse", "replan"], "default": "refuse"},
    "view": {
        "type": "str",
        "choices": [
            "everything",
            "size",
            "replicas",
            "versions",
            "certificates",
            "store",
            "source",
        ],
        "default": "everything",
    },
    "consent": {"type": "list", "elements": "str"},
    "by_load": {"type": "bool", "default": False},
    "decision": {
        "type": "dict",
        "options": {
            "replicas": {"type": "int", "required": True},
            "reason": {"type": "str", "required": True},
            "before": {"type": "int", "required": True},
            "at": {"type": "int", "required": True},
        },
    },
    **AUDIT,
}
SNAPSHOT_SPEC: dict[str, dict[str, Any]] = {**VCLUSTER_SPEC, **AUDIT}
RESTORE_SPEC: dict[str, dict[str, Any]] = {
    **SNAPSHOT_SPEC,
    "snapshot": {"type": "str", "required": True},
    "safety": {"type": "bool", "default": True},
    "consent": {"type": "list", "elements": "str"},
}
DRILL_SPEC = MOVE_SPEC = MAINTENANCE_SPEC = SNAPSHOT_SPEC
SNAPSHOT_ARCHIVE_SPEC: dict[str, dict[str, Any]] = {
    **VCLUSTER_SPEC,
    "snapshot": {"type": "str", "default": "latest"},
    "dest": {"type": "path", "required": True},
}
KUBECONFIG_SPEC: dict[str, dict[str, Any]] = {
    **VCLUSTER_SPEC,
    "dest": {"type": "path", "required": True},
    "server": {"type": "str"},
}
ETCD: dict[str, dict[str, Any]] = {
    **ACCESS,
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "members": {"type": "int"},
    "size": {"type": "str"},
    "storage_class": {"type": "str"},
    "image": {"type": "str"},
    "version": {"type": "str"},
    "quota": {"type": "str"},
    "compaction": {"type": "str"},
    "resources": {"type": "dict"},
    "service_type": {"type": "str", "choices": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "service_annotations": {"type": "dict"},
    "hosts": {"type": "list", "elements": "str"},
    "issuer": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str"},
            "group": {"type": "str"},
        },
    },
    "days": {"type": "int"},
    "renew_before": {"type": "int"},
}
BACKEND_ETCD_SPEC: dict[str, dict[str, Any]] = {
    **VCLUSTER_SPEC,
    "etcd": {"type": "dict", "options": ETCD},
}
TLS_SECRETS_SPEC: dict[str, dict[str, Any]] = {
    **ACCESS,
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "int", "default": 365},
    "renew_before": {"type": "int", "default": 30},
}

MONITORS_SPEC: dict[str, dict[str, Any]] = {
    **VCLUSTER_SPEC,
    "form": {"type": "str", "choices": ["operator", "files"], "default": "operator"},
    "interval": {"type": "str", "default": "30s"},
    "labels": {"type": "dict", "default": {}},
    "dest": {"type": "path"},
    "discovery_kubeconfig": {"type": "str", "default": ""},
}


def spec_of(arguments: Mapping[str, Any], context: Context) -> Spec:
    """The Spec of a module's arguments; its secrets are masked from here on.

    Raises:
        Refused: With every mistake found.
    """
    taken = {*ARGUMENTS, "host", "secret_paths"}
    spec = spec_from(
        {name: value for name, value in arguments.items() if name in taken and value is not None}
    )
    context.secrets.learn(
        spec.access.token,
        spec.move_from.access.token if spec.move_from else None,
        spec.snapshots.identity,
        [_at(spec.values, path_of(path)) for path in spec.secret_paths],
    )
    if spec.snapshots.s3:
        context.secrets.learn(spec.snapshots.s3.secret_key, spec.snapshots.s3.session_token)
    return spec


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path, lists included; None when nothing does (a later layer replaced it)."""
    for key in path:
        if isinstance(tree, Mapping):
            tree = tree.get(key)
        elif isinstance(tree, list) and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree
