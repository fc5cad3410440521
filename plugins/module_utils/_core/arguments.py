# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of one vCluster, once.

They are the arguments of the modules and, with the prefix `vcluster_`, the variables of the inventory. The form is
Ansible's argument spec, so the modules use it as it is; `_plan.inventory` reads the same spec for hosts that no module
validates. Defaults live in `_core.spec`: here every option is optional, so that unset stays unset.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

PREFIX = "vcluster_"
# Layers of chart values: `vcluster_values__10_all` and its like, merged in name order.
LAYER_PREFIX = "vcluster_values__"

_TEXT: dict[str, Any] = {"type": "str"}
_COUNT: dict[str, Any] = {"type": "int"}
_SWITCH: dict[str, Any] = {"type": "bool"}
_FREE: dict[str, Any] = {"type": "dict"}
_NAMES: dict[str, Any] = {"type": "list", "elements": "str"}

STORE_OPTIONS: dict[str, dict[str, Any]] = {
    "type": {
        "type": "str",
        "required": True,
        "choices": [
            "sqlite",
            "etcd_deployed",
            "etcd_embedded",
            "etcd_external",
            "postgresql",
            "mysql",
        ],
    },
    "via": {"type": "str", "choices": ["kine", "vendor"]},
    "members": _COUNT,
    "size": _TEXT,
    "storage_class": _TEXT,
    "persistence": _SWITCH,
    "resources": _FREE,
    "endpoint": _TEXT,
    "tls": {
        "type": "dict",
        "options": {
            "secret": {"type": "str", "required": True, "no_log": False},  # names only, no secrets
            "ca_key": {"type": "str", "no_log": False},
            "certificate_key": {"type": "str", "no_log": False},
            "private_key_key": {"type": "str", "no_log": False},
        },
    },
}

EXPOSE_OPTIONS: dict[str, dict[str, Any]] = {
    "type": {"type": "str", "choices": ["cluster", "node_port", "load_balancer", "ingress"]},
    "address": _TEXT,
    "node_port": _COUNT,
    "ingress_class": _TEXT,
    "annotations": _FREE,
}

S3_OPTIONS: dict[str, dict[str, Any]] = {
    "bucket": {"type": "str", "required": True},
    "prefix": _TEXT,
    "endpoint": _TEXT,
    "region": _TEXT,
    "ca_cert": {"type": "path"},
    "access_key": {"type": "str", "no_log": False},  # an id
    "secret_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
}

CLAIM_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "image": _TEXT,
}

ACCESS: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "path"},
    "context": _TEXT,
    "api_host": _TEXT,
    "api_token": {"type": "str", "no_log": True},
    "api_ca_cert": {"type": "path"},
    "cluster": _TEXT,
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": _TEXT,
    "namespace": _TEXT,
    **ACCESS,
    "chart": _TEXT,
    "version": _TEXT,
    "kubernetes_version": _TEXT,
    "replicas": _COUNT,
    "autoscaling": {
        "type": "dict",
        "options": {
            "max": {"type": "int", "required": True},
            "by": {"type": "str", "choices": ["hpa", "load"]},
            "requests": _COUNT,
            "latency_ms": _COUNT,
            "cool_down": _COUNT,
            "cpu": _COUNT,
            "memory": _COUNT,
            "metrics": {"type": "list", "elements": "dict"},
            "scale_in_window": _COUNT,
        },
    },
    "vertical_autoscaling": {
        "type": "dict",
        "options": {
            "mode": {"type": "str", "choices": ["Off", "Initial", "Recreate", "InPlaceOrRecreate"]},
            "resources": _NAMES,
            "min": _FREE,
            "max": _FREE,
            "evict_single_replica": _SWITCH,
        },
    },
    "store": {"type": "dict", "options": STORE_OPTIONS},
    "resources": _FREE,
    "expose": {"type": "dict", "options": EXPOSE_OPTIONS},
    "image_registry": _TEXT,
    "pull_secrets": {**_NAMES, "no_log": False},
    "values": _FREE,
    "allow": _NAMES,
    "defaults": {
        "type": "dict",
        "options": {
            "topology_spread": _SWITCH,
            "disruption_budgets": _SWITCH,
            "service_names": _SWITCH,
            "resources": _SWITCH,
        },
    },
    "timeouts": {
        "type": "dict",
        "options": {"total": _COUNT, "rollout": _COUNT, "proof": _COUNT, "lock": _COUNT},
    },
    "proof": {"type": "str", "choices": ["write", "read"]},
    "rollback": {"type": "str", "choices": ["auto", "never"]},
    "renew_before": {"type": "int"},
    "hops": _COUNT,
    "snapshots": {
        "type": "dict",
        "options": {
            "directory": {"type": "path"},
            "s3": {"type": "dict", "options": S3_OPTIONS},
            "claim": {"type": "dict", "options": CLAIM_OPTIONS},
            "recipients": {**_NAMES, "no_log": False},  # public keys
            "identity": {"type": "str", "no_log": True},
            "keep_count": _COUNT,
            "keep_days": _COUNT,
            "concurrency": _COUNT,
            "rto": _COUNT,
            "rpo": _COUNT,
            "from": {
                "type": "dict",
                "options": {
                    "cluster": {"type": "str"},
                    "namespace": {"type": "str"},
                    "name": {"type": "str"},
                    "archive": {"type": "path"},
                },
            },
            "allow_outage": _SWITCH,
        },
    },
    "maintenance": {
        "type": "dict",
        "options": {
            "fragmentation": _COUNT,
            "free_mib": _COUNT,
            "full": _COUNT,
            "compaction_lag": _COUNT,
            "days": _COUNT,
            "fsync_ms": _COUNT,
            "commit_ms": _COUNT,
            "sql_ms": _COUNT,
            "allow_outage": _SWITCH,
        },
    },
    "move_from": {
        "type": "dict",
        "options": {
            **ACCESS,
            "name": _TEXT,
            "namespace": _TEXT,
            "store": {"type": "dict", "options": STORE_OPTIONS},
        },
    },
    "state": {"type": "str", "choices": ["present"]},
}

# Only the fleet reads these: a module works on one vCluster and knows no waves.
FLEET_ARGUMENTS: dict[str, dict[str, Any]] = {
    "wave": _COUNT,
    "wave_sizes": {"type": "raw"},
    "wave_budget": {"type": "raw"},
    "soak": {"type": "raw"},
    "silence": {"type": "raw"},
    "concurrency": _COUNT,
}


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """The `vcluster_*` names that mean nothing here, each with the known variable it most resembles.

    A typo must not pass silently: it would mean "not said" (G51, G54).
    """
    known = [PREFIX + name for name in (*ARGUMENTS, *FLEET_ARGUMENTS)]
    unknown = sorted(
        name
        for name in names
        if name.startswith(PREFIX) and name not in known and not name.startswith(LAYER_PREFIX)
    )
    return {name: next(iter(get_close_matches(name, known, n=1)), None) for name in unknown}
