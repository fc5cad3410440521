# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `monitors`: what Prometheus has to know of one vCluster, as objects or as files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._cluster.files import replacing
from .._cluster.libraries import yaml
from .._core.autoscaling import OURS
from .._core.errors import FleetError
from .._core.ports import Api, HostCluster, Json
from .._core.scrape import Scrape
from .._core.spec import Spec
from .._plan.monitors import (
    API_VERSION,
    GROUPS,
    Asked,
    certificate_files,
    pod_monitors,
    scrape_configs,
)
from .._stores.registry import monitored_by_chart, scrapes
from .context import Context
from .door import Arguments, Result
from .options import spec_of

Files = dict[Path, bytes]


def run_monitors(arguments: Arguments, context: Context) -> Result:
    """Bring the monitors of one vCluster to what its chart line and its store give.

    Raises:
        FleetError: There is no vCluster, the host cluster lacks the operator's kinds, somebody else's object has the
            name, a Secret is missing, or a file cannot be written.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    found = _scrapes(spec, host, context)
    asked = Asked(
        arguments["interval"], arguments["labels"] or {}, arguments["discovery_kubeconfig"]
    )
    if arguments["form"] == "operator":
        return _as_objects(spec, host.api, found, asked, context)
    if not arguments.get("dest"):
        raise FleetError(
            f"{spec.title}: form is files, and dest is not said.",
            "Set dest to a folder that scrape_config_files of Prometheus names.",
        )
    folder = Path(arguments["dest"]).expanduser()
    return _as_files(spec, host.api, found, asked, folder, context)


def _scrapes(spec: Spec, host: HostCluster, context: Context) -> tuple[Scrape, ...]:
    release = host.observe(spec).release
    if release is None:
        raise FleetError(
            f"{spec.title} is not there: there is nothing to monitor.",
            "Install it with fleetops.vcluster.site first.",
        )
    values = release.values or {}
    if monitored_by_chart(values):
        context.warn(
            f"{spec.title}: the chart's own ServiceMonitor is on (controlPlane.serviceMonitor.enabled), so its API is "
            "left to that. Its series lack the label vcluster, and no alert rule sees them: turn it off."
        )
    return scrapes(spec, release.chart_version or "", values)


def _as_objects(
    spec: Spec, api: Api, found: tuple[Scrape, ...], asked: Asked, context: Context
) -> Result:
    if api.find(f"/apis/{API_VERSION}") is None:
        raise FleetError(
            f"Host cluster {spec.cluster} has no API {API_VERSION}: the Prometheus operator is not installed there.",
            "Install it (its CustomResourceDefinitions at least), or set monitoring_form to files.",
        )
    collection = f"/apis/{API_VERSION}/namespaces/{spec.namespace}/podmonitors"
    wanted = {item["metadata"]["name"]: item for item in pod_monitors(spec, found, asked)}
    names = [f"{spec.name}-{group}" for group in GROUPS]
    live = {name: item for name in names if (item := api.find(f"{collection}/{name}"))}
    for name in live.keys() & wanted.keys():
        _refuse_somebody_elses(spec, live[name])
    changes = [name for name, item in wanted.items() if not _says(live.get(name), item)]
    gone = [name for name in live if name not in wanted and _ours(live[name])]
    if not context.check:
        for name in changes:
            api.apply(f"{collection}/{name}", wanted[name])
        for name in gone:
            api.delete(f"{collection}/{name}")
    before = {name: _shown(live[name]) for name in (*changes, *gone) if name in live}
    after = {name: _shown(wanted[name]) for name in changes}
    return _result(spec, context, sorted(wanted), before, after)


def _as_files(
    spec: Spec,
    api: Api,
    found: tuple[Scrape, ...],
    asked: Asked,
    folder: Path,
    context: Context,
) -> Result:
    config = {"scrape_configs": scrape_configs(spec, found, asked, spec.host)}
    text = yaml.safe_dump(config, sort_keys=False)
    path = folder / f"{spec.host}.scrape.yml"
    # The configuration last: Prometheus looks for the files that it names.
    wanted: Files = {**_certificates(spec, api, found, folder / spec.host), path: text.encode()}
    changes = [file for file, content in wanted.items() if not _same(file, content)]
    before = {path.name: path.read_text()} if path in changes and path.is_file() else {}
    after = {path.name: text} if path in changes else {}
    if not context.check:
        for file in changes:
            with replacing(file) as stream:
                stream.write(wanted[file])
    result = _result(spec, context, sorted(map(str, wanted)), before, after)
    return {**result, "changed": bool(changes)}


def _certificates(spec: Spec, api: Api, found: tuple[Scrape, ...], folder: Path) -> Files:
    secrets: dict[str, Json] = {}
    files: Files = {}
    for name, (secret, key) in certificate_files(found).items():
        if secret not in secrets:
            path = f"/api/v1/namespaces/{spec.namespace}/secrets/{secret}"
            secrets[secret] = (api.find(path) or {}).get("data") or {}
        if key not in secrets[secret]:
            raise FleetError(
                f"{spec.title}: Secret {secret} has no {key}, or is not there: no leader has written it yet.",
                "Run fleetops.vcluster.verify to see why.",
            )
        files[folder / name] = base64.b64decode(secrets[secret][key])
    return files


def _refuse_somebody_elses(spec: Spec, live: Json) -> None:
    if not _ours(live):
        raise FleetError(
            f"{spec.title}: there is a PodMonitor {live['metadata']['name']} in its namespace that somebody else made.",
            "Rename or delete it: this one needs the name.",
        )


def _ours(live: Json) -> bool:
    return OURS.items() <= (live["metadata"].get("labels") or {}).items()


def _says(live: Any, wanted: Any) -> bool:
    """Whether an object says what is wanted; what the API server filled in beside it does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _says(live.get(key), item) for key, item in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(_says(*pair) for pair in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)


def _shown(item: Json) -> str:
    labels = item["metadata"].get("labels")
    return str(yaml.safe_dump({"labels": labels, "spec": item["spec"]}))


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content and not path.stat().st_mode & 0o077
    except OSError:
        return False


def _result(
    spec: Spec,
    context: Context,
    monitors: list[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> Result:
    changed = before != after
    done = "would be brought up to date" if context.check else "were brought up to date"
    words = done if changed else "are as they should be"
    result: Result = {
        "changed": changed,
        "monitors": monitors,
        "msg": f"{spec.title}: its monitors {words}",
    }
    if context.diff and changed:
        result["diff"] = [
            {
                "before_header": name,
                "after_header": name,
                "before": before.get(name, ""),
                "after": after.get(name, ""),
            }
            for name in sorted({*before, *after})
        ]
    return result
