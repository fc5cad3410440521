# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `kubeconfig`: the tenant's kubeconfig in a file of yours."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

from .._cluster.files import replacing
from .._cluster.libraries import parse, yaml
from .._core.errors import FleetError
from .._core.ports import Api, Json
from .._core.spec import Spec
from .context import Context
from .door import Arguments, Result
from .options import spec_of

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def run_kubeconfig(arguments: Arguments, context: Context) -> Result:
    """Write the kubeconfig that the leader keeps in Secret vc-NAME, with an address that can be dialled.

    Raises:
        FleetError: The Secret does not exist yet, no address is known, or the file cannot be written.
    """
    spec = spec_of(arguments, context)
    api = context.host(spec.access).api
    config = _config(spec, api)
    server = arguments.get("server") or address(spec, api, config)
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = server
        if not arguments.get("server") and _through_node_port(spec, api, server):
            # Nodes come and go, and their addresses are not in every certificate; this name always is.
            cluster["cluster"]["tls-server-name"] = "localhost"
    destination = Path(arguments["dest"]).expanduser()
    content = yaml.safe_dump(config, sort_keys=False).encode()
    changed = not _same(destination, content)
    if changed and not context.check:
        with replacing(destination) as file:
            file.write(content)
    return {
        "changed": changed,
        "dest": str(destination),
        "server": server,
        "msg": f"{spec.title}: {server}",
    }


def address_of(spec: Spec, api: Api) -> str:
    """The address that its kubeconfigs get.

    Raises:
        FleetError: The Secret does not exist yet, or no address is known.
    """
    return address(spec, api, _config(spec, api))


def _config(spec: Spec, api: Api) -> Json:
    secret = api.find(f"/api/v1/namespaces/{spec.namespace}/secrets/vc-{spec.name}")
    if secret is None:
        raise FleetError(
            f"{spec.title}: Secret vc-{spec.name} does not exist: no leader has written it yet.",
            "Run fleetops.vcluster.verify to see why.",
        )
    config: Json = parse(base64.b64decode(secret["data"]["config"]))
    return config


def address(spec: Spec, api: Api, config: Json) -> str:
    """The address in the Secret, unless it is a loopback one: then what the Service offers.

    Raises:
        FleetError: The Service has no address from outside yet.
    """
    known = str(config["clusters"][0]["cluster"]["server"])
    if urlsplit(known).hostname not in LOOPBACK:
        return known
    service = api.get(f"/api/v1/namespaces/{spec.namespace}/services/{spec.name}")
    kind = service["spec"].get("type", "ClusterIP")
    if kind == "LoadBalancer":
        return _load_balancer(spec, service)
    if kind == "NodePort":
        return f"https://{_node_address(api)}:{service['spec']['ports'][0]['nodePort']}"
    return f"https://{spec.name}.{spec.namespace}:443"


def _through_node_port(spec: Spec, api: Api, server: str) -> bool:
    """Whether the address is a node's with the Service's node port."""
    service = api.find(f"/api/v1/namespaces/{spec.namespace}/services/{spec.name}") or {}
    ports = [entry.get("nodePort") for entry in service.get("spec", {}).get("ports", ())]
    port = urlsplit(server).port
    return port is not None and port in ports


def _load_balancer(spec: Spec, service: Json) -> str:
    for point in service.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
        return f"https://{point.get('hostname') or point['ip']}:443"
    raise FleetError(
        f"{spec.title}: Service {spec.name} has no load balancer address yet.",
        "Wait for the host cluster to give one, or set server.",
    )


def _node_address(api: Api) -> str:
    """External address of a node, else an internal one."""
    found: dict[str, str] = {}
    for node in api.list("/api/v1/nodes"):
        for entry in node.get("status", {}).get("addresses", ()):
            found.setdefault(entry["type"], entry["address"])
    for kind in ("ExternalIP", "InternalIP"):
        if kind in found:
            return found[kind]
    raise FleetError("No node of the host cluster tells an address.", "Set server.")


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content and not path.stat().st_mode & 0o077
    except OSError:
        return False
