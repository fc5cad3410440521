# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `tls_secrets`: the certificates of a backing-store server in Secrets of a host cluster."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._cluster import issuing
from .._cluster.libraries import yaml
from .._core.autoscaling import OURS
from .._core.errors import ApiError, FleetError, Refused
from .._core.finding import Finding, refuse
from .._core.moments import moment_text
from .._core.ports import Api, Json
from .._core.tls import (
    AUTHORITY,
    CERTIFICATE,
    LEAVES,
    LOCAL,
    LONGEST_NAME,
    MOST_DAYS,
    PARTS,
    SERVER,
    TRUST,
    Due,
    Wanted,
    due,
)
from .._plan.access import access_from
from .context import Context
from .door import Arguments, Result

Content = dict[str, dict[str, bytes]]  # the Secrets that are there, by part

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Kept:
    """What became of the Secrets.

    Attributes:
        issued: What was issued, in that order.
        updated: Secrets that trust a new authority, and kept their pair.
        before, after: Their content.
    """

    issued: tuple[Due, ...]
    updated: tuple[str, ...]
    before: Content
    after: Content

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.issued or self.updated)

    @property
    def not_after(self) -> datetime:
        """When the first of the certificates ends."""
        return min(filter(None, map(issuing.end_of, self.after.values())))

    @property
    def digest(self) -> str:
        """Of what a server is started with and anybody may know."""
        server = self.after[SERVER]
        return hashlib.sha256(server[CERTIFICATE] + server[TRUST]).hexdigest()


def run_tls_secrets(arguments: Arguments, context: Context) -> Result:
    """Keep the certificates of a server.

    Raises:
        Refused: The arguments are wrong, or a Secret of that name is somebody else's.
        FleetError: The namespace does not exist, or the API server refuses a write.
    """
    wanted = wanted_from(arguments)
    access, cluster = access_from(arguments)
    title = f"Certificates {wanted.namespace}/{wanted.name} on {cluster}"
    kept = keep(context.host(access).api, wanted, title, check=context.check)
    result: Result = {
        "changed": kept.changed,
        "issued": [wanted.secret(one.part) for one in kept.issued],
        "updated": list(kept.updated),
        "not_after": moment_text(kept.not_after),
        "digest": kept.digest,
        "msg": _message(title, wanted, kept, context.check),
    }
    if context.diff:
        result["diff"] = {
            "before_header": title,
            "after_header": title,
            "before": _text(wanted, kept.before),
            "after": _text(wanted, kept.after),
        }
    return result


def wanted_from(arguments: Mapping[str, Any]) -> Wanted:
    """The certificates that some arguments ask for.

    Raises:
        Refused: With every mistake found.
    """
    return wanted_of(
        str(arguments["namespace"]),
        str(arguments["name"]),
        arguments["hosts"],
        int(arguments["days"]),
        int(arguments["renew_before"]),
    )


def wanted_of(
    namespace: str, name: str, hosts: Iterable[str], days: int, renew_before: int
) -> Wanted:
    """The certificates of a server that has these names and addresses, and LOCAL; see Wanted.

    Raises:
        Refused: With every mistake found.
    """
    unique = tuple(dict.fromkeys((LOCAL, *map(_spelled, hosts))))
    wanted = Wanted(namespace, name, unique, days, renew_before)
    if findings := tuple(_findings(wanted)):
        raise Refused(findings)
    return wanted


def keep(api: Api, wanted: Wanted, title: str, *, check: bool) -> Kept:
    """Issue what is due, and write it. Cut off anywhere, the next one goes on.

    Args:
        title: What messages call it.
        check: Write nothing; the certificates are made all the same, and thrown away.

    Raises:
        Refused: A Secret of that name is somebody else's.
        FleetError: The namespace does not exist, or another run writes at the same time.
    """
    issuing.require()
    looked = {part: api.find(_path(wanted, part)) for part in PARTS}
    found = {part: secret for part, secret in looked.items() if secret is not None}
    if findings := tuple(_somebody_elses(title, wanted, found)):
        raise Refused(findings)
    if not found:
        _require_namespace(api, wanted, title)
    before = {part: _decoded(secret) for part, secret in found.items()}
    issued = due(wanted, issuing.seen(before, api.now), api.now)
    after = dict(before)
    updated: list[str] = []

    def put(part: str, data: dict[str, bytes]) -> None:
        after[part] = data
        if not check:
            found[part] = _write(api, wanted, title, part, data, found.get(part))

    for one in issued:
        put(one.part, _issue(wanted, one.part, after, api.now))
    trust = after[AUTHORITY][TRUST]
    for part in LEAVES:
        if after[part].get(TRUST) != trust:
            put(part, {**after[part], TRUST: trust})
            if part not in {one.part for one in issued}:
                updated.append(wanted.secret(part))
    return Kept(issued, tuple(updated), before, after)


def _issue(wanted: Wanted, part: str, there: Content, now: datetime) -> dict[str, bytes]:
    if part == AUTHORITY:
        return issuing.new_authority(wanted, there.get(AUTHORITY, {}), now).data
    return issuing.issue(wanted, part, issuing.signer(there[AUTHORITY]), now)


def _path(wanted: Wanted, part: str = "") -> str:
    collection = f"/api/v1/namespaces/{wanted.namespace}/secrets"
    return f"{collection}/{wanted.secret(part)}" if part else collection


def _write(
    api: Api, wanted: Wanted, title: str, part: str, data: Mapping[str, bytes], found: Json | None
) -> Json:
    """Write a Secret as long as nobody else did since it was read: two runs would sign with two authorities."""
    content = {key: b64encode(value).decode() for key, value in data.items()}
    try:
        if found is not None:
            kept = found.get("data") or {}
            return api.replace(_path(wanted, part), {**found, "data": {**kept, **content}})
        metadata = {"name": wanted.secret(part), "namespace": wanted.namespace, "labels": OURS}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
        return api.create(_path(wanted), {**body, "metadata": metadata, "data": content})
    except ApiError as error:
        if error.conflict:
            what = f"{title}: Secret {wanted.secret(part)} was written by somebody else meanwhile."
            raise FleetError(what, "Run again when the other run has ended.") from error
        raise


def _require_namespace(api: Api, wanted: Wanted, title: str) -> None:
    try:
        there = api.find(f"/api/v1/namespaces/{wanted.namespace}") is not None
    except ApiError as error:
        if not error.forbidden:
            raise
        return  # Who may not look learns it from the write.
    if not there:
        raise FleetError(
            f"{title}: namespace {wanted.namespace} does not exist.",
            "Make it first; the roles of this collection do.",
        )


def _somebody_elses(title: str, wanted: Wanted, found: Mapping[str, Json]) -> Iterator[Finding]:
    for part, secret in found.items():
        labels = secret["metadata"].get("labels") or {}
        if not OURS.items() <= labels.items():
            mark = ", ".join(f"{label}={value}" for label, value in OURS.items())
            yield refuse(
                "spec",
                f"{title}: Secret {wanted.secret(part)} is there, and somebody else made it.",
                f"It has no label {mark}; it is not overwritten.",
                "Choose another name, or delete it where nobody uses it.",
            )


def _decoded(secret: Json) -> dict[str, bytes]:
    """The content of a Secret; the API server lets nothing into it that is not base64."""
    return {key: b64decode(value) for key, value in (secret.get("data") or {}).items()}


def _spelled(host: str) -> str:
    """One spelling for each name or address."""
    text = str(host).strip().lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _findings(wanted: Wanted) -> Iterator[Finding]:
    if not _NAME.fullmatch(wanted.name) or len(wanted.name) > LONGEST_NAME:
        form = f"It is the beginning of names of Secrets: a to z, 0 to 9 and -, {LONGEST_NAME} characters at most."
        yield refuse("spec", f"name is {wanted.name!r}.", "", form)
    if not _NAME.fullmatch(wanted.namespace):
        yield refuse("spec", f"namespace is {wanted.namespace!r}.", "", "It is the name of one.")
    for host in wanted.hosts:
        if not _is_host(host):
            yield refuse("spec", f"{host!r} in hosts is no DNS name and no IP address.")
    if not 1 <= wanted.days <= MOST_DAYS:
        yield refuse("spec", f"days is {wanted.days}: it is 1 to {MOST_DAYS}.")
    if not 0 <= wanted.renew_before < wanted.days:
        yield refuse("spec", f"renew_before is {wanted.renew_before}: it is 0 to less than days.")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        numeric = labels[-1].isdigit()
        return not numeric and len(host) <= 253 and _HOST.fullmatch(host) is not None
    return True


def _message(title: str, wanted: Wanted, kept: Kept, check: bool) -> str:
    words = [f"{wanted.secret(one.part)} ({one.why})" for one in kept.issued]
    would = "would be " if check else ""
    told = [f"{would}issued: {', '.join(words)}"] if words else []
    if kept.updated:
        told.append(f"{would}told of the new authority: {', '.join(kept.updated)}")
    return f"{title}: {'; '.join(told) or f'good until {moment_text(kept.not_after)}'}"


def _text(wanted: Wanted, content: Content) -> str:
    """Names, hosts and ends; never a key."""
    shown = {wanted.secret(part): issuing.facts(data) for part, data in content.items()}
    return str(yaml.safe_dump(shown, sort_keys=True)) if shown else ""
