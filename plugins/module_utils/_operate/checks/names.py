# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what pods in the tenant live on: names and ServiceAccount tokens (G29)."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.check import CheckResult
from ..._stores.base import at
from .scene import Scene, Verdict, all_of, run

NAME = "kubernetes.default.svc.cluster.local"
TOKEN_REQUESTS = "/api/v1/namespaces/kube-system/serviceaccounts/default/token"  # noqa: S105 (a path)
REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
SUBJECT = "system:serviceaccount:kube-system:default"
SERVICE = "/api/v1/namespaces/default/services/kubernetes"


def checks(scene: Scene) -> Iterator[CheckResult]:
    """All checks of this file, in order."""
    yield run("dns", lambda: dns(scene))
    yield run("tokens", lambda: tokens(scene))


def dns(scene: Scene) -> Verdict:
    """The tenant's CoreDNS knows the tenant's API server."""
    if not scene.replicas:
        return "skip", "no replica answers"
    release = scene.observation.release
    running = (release.values if release else None) or {}
    section = ("controlPlane", "coredns")
    if at(running, *section, "enabled") is False or at(running, *section, "embedded"):
        return "skip", "no CoreDNS pod by choice (controlPlane.coredns)"
    addresses = scene.reach.resolve(NAME)
    return (
        ("pass", f"{NAME} is {', '.join(addresses)}")
        if addresses
        else ("fail", f"{NAME} has no address")
    )


def tokens(scene: Scene) -> Verdict:
    """A token made at one replica is accepted at every replica: they share one signing key."""
    if not scene.replicas:
        return "skip", "no replica answers"
    maker, api = next(iter(scene.replicas.items()))
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }
    token = api.create(TOKEN_REQUESTS, request)["status"]["token"]
    problems = []
    for name, other in scene.replicas.items():
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        status = other.create(REVIEW, review).get("status", {})
        if not status.get("authenticated") or status.get("user", {}).get("username") != SUBJECT:
            problems.append(
                f"{name} does not accept a token made at {maker}: {status.get('error', 'not authenticated')}"
            )
    return all_of(problems, f"made at {maker}, accepted at {len(scene.replicas)}")
