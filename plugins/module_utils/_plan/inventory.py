# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From variables to a Spec: what the inventory asks of one vCluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Any

from .._core.arguments import ACCESS, ARGUMENTS, FLEET_ARGUMENTS, PREFIX
from .._core.care import Maintenance
from .._core.certificates import RENEWS_WITHIN
from .._core.errors import Refused
from .._core.finding import Finding, refuse
from .._core.spec import (
    S3,
    TARGETS,
    Autoscaling,
    Claim,
    Defaults,
    Expose,
    Limits,
    Origin,
    Snapshots,
    Spec,
    StoreSpec,
    VerticalAutoscaling,
)
from .._stores.registry import store_named
from .access import access_findings, access_of, cluster_name
from .argument_types import checked
from .guards.autoscaling import idle_options, option_findings
from .guards.identity import name_findings
from .guards.lift import allow_findings
from .guards.upkeep import threshold_findings
from .values import REFERENCE, is_reference, merge_layers, pointer

_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?)(?::(?P<port>\d{1,5}))?"
)
_ENDPOINT = re.compile(r"https?://([^/]+)(/[^\s?#]*)?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # name of an object in Kubernetes
_KUBERNETES = re.compile(r"\d+\.\d+\.\d+")


def spec_from(arguments: Mapping[str, Any]) -> Spec:
    """The Spec of some arguments, which nobody needs to have checked before.

    Args:
        arguments: Arguments of a module, None counting as not given; beside them `host` (the inventory host, also the
            name where none is given) and `secret_paths` (JSON pointers into `values` whose content is secret).

    Raises:
        Refused: With every mistake found.
    """
    host = str(arguments.get("host") or "")
    aside = ("host", "secret_paths", *FLEET_ARGUMENTS)
    given = {name: value for name, value in arguments.items() if name not in aside}
    typed, findings = checked(ARGUMENTS, given, PREFIX)
    name = typed.get("name", host)
    namespace = typed.get("namespace", f"vcluster-{name}")
    findings += name_findings(name, namespace)
    findings += _version_findings(typed)
    findings += _reference_findings(typed.get("values", {}))
    findings += access_findings(typed)
    findings += _expose_findings(typed.get("expose", {}))
    findings += _limit_findings(typed)
    findings += _snapshot_findings(typed.get("snapshots", {}))
    findings += threshold_findings(typed.get("maintenance", {}))
    findings += allow_findings(typed.get("allow", ()))
    findings += idle_options(typed.get("autoscaling", {}))
    if findings:
        raise Refused(tuple(findings))
    access, store = access_of(typed), _store(typed.get("store"))
    spec = Spec(
        host=host or name,
        name=name,
        namespace=namespace,
        cluster=typed.get("cluster") or cluster_name(access),
        access=access,
        store=store,
        autoscaling=_autoscaling(typed.get("autoscaling")),
        vertical_autoscaling=_vertical_autoscaling(typed.get("vertical_autoscaling")),
        expose=Expose(**typed["expose"]) if "expose" in typed else None,
        pull_secrets=tuple(typed["pull_secrets"]) if "pull_secrets" in typed else None,
        # Values come tagged and wrapped from Ansible: plain JSON types are what everything below works on.
        values=merge_layers(
            {
                "store": store_named(store.type).references(name, store.options) if store else {},
                "values": json.loads(json.dumps(typed.get("values", {}))),
            }
        ),
        secret_paths=tuple(arguments.get("secret_paths") or ()),
        allow=frozenset(typed.get("allow", ())),
        defaults=Defaults(**typed.get("defaults", {})),
        limits=Limits(**typed.get("timeouts", {})),
        snapshots=_snapshots(typed.get("snapshots", {})),
        maintenance=Maintenance(**typed.get("maintenance", {})),
        **{key: typed[key] for key in _AS_THEY_ARE if key in typed},
    )
    if found := tuple(option_findings(spec)):
        raise Refused(found)
    return (
        replace(spec, move_from=_moved(spec, typed["move_from"])) if "move_from" in typed else spec
    )


def _moved(spec: Spec, options: Mapping[str, Any]) -> Spec:
    """The vCluster that is moved: what is not said is as here."""
    access = access_of(options) if ACCESS.keys() & options.keys() - {"cluster"} else spec.access
    cluster = spec.cluster if access == spec.access else cluster_name(access)
    return replace(
        spec,
        name=options.get("name", spec.name),
        namespace=options.get("namespace", spec.namespace),
        cluster=options.get("cluster", cluster),
        access=access,
        store=_store(options.get("store")),
        snapshots=replace(spec.snapshots, origin=Origin()),
    )


_AS_THEY_ARE = (
    "chart",
    "version",
    "kubernetes_version",
    "replicas",
    "resources",
    "image_registry",
    "proof",
    "rollback",
    "renew_before",
    "hops",
    "state",
)


def _store(options: Mapping[str, Any] | None) -> StoreSpec | None:
    if options is None:
        return None
    return StoreSpec(
        options["type"], {key: value for key, value in options.items() if key != "type"}
    )


def _autoscaling(options: Mapping[str, Any] | None) -> Autoscaling | None:
    if options is None:
        return None
    metrics = json.loads(json.dumps(options.get("metrics", [])))
    return Autoscaling(**{**options, "metrics": tuple(metrics)})


def _vertical_autoscaling(options: Mapping[str, Any] | None) -> VerticalAutoscaling | None:
    if options is None:
        return None
    # A number is text there: cpu: 2 is what people write.
    texts = {
        name: {key: str(value) for key, value in options[name].items()}
        for name in ("min", "max")
        if name in options
    }
    listed = {"resources": tuple(options["resources"])} if "resources" in options else {}
    return VerticalAutoscaling(**{**options, **texts, **listed})


def _snapshots(options: Mapping[str, Any]) -> Snapshots:
    proper = {name: value for name, value in options.items() if name != "from"}
    proper["recipients"] = tuple(options.get("recipients", ()))
    proper["origin"] = Origin(**options.get("from", {}))
    if "s3" in options:
        proper["s3"] = S3(**options["s3"])
    if "claim" in options:
        proper["claim"] = Claim(**options["claim"])
    return Snapshots(**proper)


def _snapshot_findings(options: Mapping[str, Any]) -> list[Finding]:
    findings = [
        refuse("spec", f"vcluster_snapshots.{name} is {options[name]}: it is 1 at least.")
        for name in ("keep_count", "keep_days", "concurrency", "rto", "rpo")
        if options.get(name, 1) < 1
    ]
    given = [f"vcluster_snapshots.{name}" for name in TARGETS if name in options]
    if len(given) > 1:
        findings.append(refuse("spec", f"{' and '.join(given)} are given.", "", "Keep one."))
    return [
        *findings,
        *_s3_findings(options.get("s3", {})),
        *_claim_findings(options.get("claim", {})),
    ]


def _claim_findings(claim: Mapping[str, Any]) -> list[Finding]:
    return [
        refuse("spec", f"vcluster_snapshots.claim.{name} is {claim[name]!r}.", "", form)
        for name, form in (
            ("name", "It is the name of a PersistentVolumeClaim on the host cluster."),
            ("namespace", "It is the namespace of the claim."),
        )
        if name in claim and not _OBJECT.fullmatch(claim[name])
    ]


def _s3_findings(s3: Mapping[str, Any]) -> list[Finding]:
    at = "vcluster_snapshots.s3"
    findings = []
    endpoint = _ENDPOINT.fullmatch(s3.get("endpoint", "https://none"))
    if endpoint is None or not _is_address(endpoint[1]):
        # Not shown: somebody may have put a key into it.
        form = "It looks like https://s3.example.com:9000; the key has variables of its own."
        findings.append(refuse("spec", f"{at}.endpoint is no address.", "", form))
    for name, needed in (
        ("access_key", "secret_key"),
        ("secret_key", "access_key"),
        ("session_token", "access_key"),
    ):
        if name in s3 and needed not in s3:
            findings.append(refuse("spec", f"{at}.{name} is given without {at}.{needed}."))
    return findings


def _version_findings(typed: Mapping[str, Any]) -> list[Finding]:
    findings = []
    version = typed.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        findings.append(
            refuse(
                "spec",
                f"vcluster_version is {version!r}.",
                "",
                "Chart versions look like 0.36.1, without a v.",
            )
        )
    kubernetes = typed.get("kubernetes_version")
    if kubernetes is not None and not _KUBERNETES.fullmatch(kubernetes):
        findings.append(
            refuse(
                "spec",
                f"vcluster_kubernetes_version is {kubernetes!r}.",
                "",
                "It looks like 1.36.0, without a v.",
            )
        )
    return findings


def _expose_findings(expose: Mapping[str, Any]) -> list[Finding]:
    """The address goes into the kubeconfig, the certificate and the Ingress: it must be one for all of them."""
    address = expose.get("address")
    if not address or _is_address(address):
        return []
    form = "It is a host name or host:port, without https://; IPv6 stands in brackets, as in [fd00::1]:443."
    return [refuse("spec", f"vcluster_expose.address is {address!r}.", "", form)]


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"] or 443) < 65536:
        return False
    try:
        return match["v6"] is None or bool(IPv6Address(match["v6"]))
    except ValueError:
        return False


def _limit_findings(typed: Mapping[str, Any]) -> list[Finding]:
    findings = [
        refuse("spec", f"vcluster_timeouts.{name} is {seconds}: seconds below {least}.")
        for name, seconds in typed.get("timeouts", {}).items()
        if seconds < (least := 0 if name == "lock" else 1)
    ]
    if typed.get("hops", 1) < 1:
        why = "A run takes at least one hop; without this it takes all."
        findings.append(refuse("spec", f"vcluster_hops is {typed['hops']}.", why))
    if not 0 <= (days := typed.get("renew_before", 0)) <= RENEWS_WITHIN:
        findings.append(
            refuse(
                "spec",
                f"vcluster_renew_before is {days}: it is between 0 and {RENEWS_WITHIN} days.",
                "A restart renews nothing that is valid for longer.",
                "Set it to 30, or leave it out.",
            )
        )
    return findings


def _reference_findings(values: Mapping[str, Any]) -> list[Finding]:
    """References must name a Secret and a key; keys of values must be text."""
    findings: list[Finding] = []
    _walk(values, (), findings)
    return findings


def _walk(value: Any, path: tuple[str, ...], findings: list[Finding]) -> None:
    place = f"vcluster_values at {pointer(path) or '/'}"
    if isinstance(value, Mapping) and REFERENCE in value:
        target = value[REFERENCE]
        keys = set(target) if isinstance(target, Mapping) else set()
        texts = isinstance(target, Mapping) and all(
            isinstance(v, str) and v for v in target.values()
        )
        if not is_reference(value) or keys != {"name", "key"} or not texts:
            findings.append(
                refuse(
                    "spec",
                    f"{place} is no valid reference.",
                    "",
                    "Form: {$secret: {name: SECRET, key: KEY}}.",
                )
            )
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if isinstance(key, str):
                _walk(below, (*path, key), findings)
            else:
                findings.append(
                    refuse(
                        "G58", f"{place} has the key {key!r}, which is not text.", "", "Quote it."
                    )
                )
    elif isinstance(value, (list, tuple)):
        for index, below in enumerate(value):
            _walk(below, (*path, str(index)), findings)
    elif value is not None and not isinstance(value, (str, bool, int, float)):
        findings.append(
            refuse(
                "G58",
                f"{place} is a {type(value).__name__}, not a JSON value.",
                "",
                "Quote dates and the like.",
            )
        )
