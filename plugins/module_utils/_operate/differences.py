# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What --diff shows: values and rendered objects before and after, masked."""

from __future__ import annotations

from typing import Any

from .._cluster.libraries import fast_loader, yaml
from .._core.plan import Step
from .._core.ports import HostCluster, Json
from .._plan.mask import hidden_texts, mask, without_texts
from .planning import Planned

MASKED = "********"


def differences(planned: Planned, host: HostCluster) -> list[dict[str, str]]:
    """One entry for the values and one for the objects of every step that runs Helm."""
    release = planned.observation.last_good
    before_values = dict(release.values or {}) if release else {}
    before_objects = _documents(release.manifest) if release and release.manifest else []
    shown: list[dict[str, str]] = []
    for step in planned.plan.steps:
        if step.values is None:
            continue
        values = dict(step.values)
        objects = _rendered(planned, step, host)
        paths = planned.full.secret_paths
        hidden = hidden_texts(before_values, paths) | hidden_texts(values, paths)
        for what, before, after in (
            ("values", before_values, values),
            ("objects", before_objects, objects),
        ):
            title = f"{planned.spec.namespace}/{planned.spec.name} {what} of {step.kind.value}"
            texts = [_text(side, paths, hidden) for side in (before, after)]
            shown.append(_entry(title, *texts))
        before_values, before_objects = values, objects
    return shown


def _rendered(planned: Planned, step: Step, host: HostCluster) -> list[Json]:
    chart = host.helm.pull(planned.spec.chart, step.version)
    spec, release = planned.spec, planned.observation.host_release
    return host.helm.template(spec.name, spec.namespace, chart, step.values or {}, release)


def _entry(title: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": title, "after_header": title, "before": before, "after": after}


def _text(value: Any, secret_paths: tuple[str, ...], hidden: frozenset[str]) -> str:
    """As YAML, masked; what is hidden in the values is hidden in the objects that are made of them."""
    if isinstance(value, list):
        objects = [without_texts(mask(_without_content(item)), hidden) for item in value]
        return str(yaml.safe_dump_all(objects, sort_keys=True))
    shown = without_texts(mask(value, secret_paths), hidden)
    return str(yaml.safe_dump(shown, sort_keys=True))


def _without_content(item: Json) -> Json:
    """A Secret shows its keys only: the chart's own holds all values (chart 0.36, config-secret.yaml)."""
    if item.get("kind") != "Secret":
        return item
    hidden = {
        part: dict.fromkeys(item[part], MASKED) for part in ("data", "stringData") if item.get(part)
    }
    return {**item, **hidden}


def _documents(manifest: str) -> list[Json]:
    """The objects of a release in the order Helm keeps them."""
    return [item for item in yaml.load_all(manifest, Loader=fast_loader()) if item]
