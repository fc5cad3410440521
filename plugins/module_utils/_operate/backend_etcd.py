# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `backend_etcd`: an etcd of our own for one vCluster, beside its release."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from .._cluster import issuing
from .._cluster.libraries import yaml
from .._core.autoscaling import OURS
from .._core.backend_etcd import EtcdSpec, SeenEtcd
from .._core.errors import FleetError, Refused
from .._core.finding import refuse
from .._core.marks import OWNER
from .._core.moments import moment_text
from .._core.plan import Step
from .._core.ports import Api, Json, Lock
from .._core.spec import Spec
from .._core.tls import CERTIFICATE, CLIENT, KEY, SERVER, TRUST, Wanted
from .._plan.backend_etcd import etcd_from, findings, steps
from .._plan.backend_objects import certificates, path_of
from .backend_site import Differences, EtcdSite, plain, title_of
from .backend_work import EtcdWork
from .companions import ensure_namespace
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .tls_secrets import Kept, keep, wanted_of
from .wait import Deadline, wait_until

KEYS = (TRUST, CERTIFICATE, KEY)


@dataclass(frozen=True)
class Tls:
    """What became of the certificates.

    Attributes:
        trust: Digest of the authorities.
        ends: When the first certificate ends; None where that is not known.
        changed: Whether anything was issued.
        words: What was done, in words.
    """

    trust: str = ""
    ends: datetime | None = None
    changed: bool = False
    words: str = ""


def run_backend_etcd(arguments: Arguments, context: Context) -> Result:
    """Bring the etcd to what is asked for, and prove it.

    Raises:
        Refused: The arguments are wrong, or a guard refuses.
        FleetError: A step failed; the next run goes on from there.
    """
    spec = spec_of(arguments, context)
    etcd = etcd_from(spec, arguments.get("etcd") or {})
    context.secrets.learn(etcd.access.token)
    return _Run(spec, etcd, context).result()


class _Run:
    def __init__(self, spec: Spec, etcd: EtcdSpec, context: Context) -> None:
        self.spec, self.etcd, self.context = spec, etcd, context
        self.tenant = context.host(spec.access)
        self.host = self.tenant if etcd.access == spec.access else context.host(etcd.access)
        there = replace(spec, access=etcd.access, namespace=etcd.namespace, name=etcd.name)
        self.site = EtcdSite(etcd, self.host.api, self.host.reach(there))
        self.issued = certificates(etcd) if etcd.issuer else []
        self.wanted = wanted_of(
            etcd.namespace, etcd.name, etcd.server_hosts, etcd.days, etcd.renew_before
        )

    def result(self) -> Result:
        if self.context.check:
            return self._planned()
        ensure_namespace(self.tenant.api, self.spec.namespace)
        ensure_namespace(self.host.api, self.etcd.namespace)
        with self.tenant.lock(self.spec) as lock:
            return self._carried_out(lock)

    def _planned(self) -> Result:
        """What a run would do."""
        if self.host.api.find(f"/api/v1/namespaces/{self.etcd.namespace}") is None:
            nothing = SeenEtcd()
            wanted = self.site.asked(self.etcd.members, begins=True, trust="", seen=nothing)
            anew: Differences = {title_of(item): (None, item) for item in wanted}
            return self._result(Tls(changed=True), steps(self.etcd, nothing), anew)
        seen = self._observed()
        tls = self._certificates(check=True)
        seen, differs = self._compared(seen, tls)
        told = self._result(tls, steps(self.etcd, seen), differs)
        shared = self._shares_client(check=True) or (self._elsewhere and tls.changed)
        return {**told, "changed": told["changed"] or shared}

    def _carried_out(self, lock: Lock) -> Result:
        seen = self._observed()
        tls = self._certificates(check=False)
        seen, differs = self._compared(seen, tls)
        planned = steps(self.etcd, seen)
        shared = self._shares_client(check=False)
        work = EtcdWork(self.site, seen, tls.trust, self.spec.limits, lock, self._say)
        try:
            work.carry_out(planned)
            if not planned:
                work.prove()
        except FleetError as error:
            done = [*(["certificates"] if tls.changed else []), *work.done]
            if done or planned:
                words = f" Done before that: {', '.join(done)}." if done else ""
                text = f"{error.what}{words} {error.way_out}".rstrip()
                return {
                    "failed": True,
                    "changed": True,
                    "outcome": error.outcome,
                    "steps": done,
                    "msg": text if self.etcd.title in text else f"{self.etcd.title}: {text}",
                }
            raise
        told = self._result(tls, planned, differs)
        return {
            **told,
            "changed": told["changed"] or shared,
            "checks": [asdict(check) for check in work.checks],
        }

    def _observed(self) -> SeenEtcd:
        seen = self.site.observe(self.issued)
        if found := findings(self.etcd, seen):
            raise Refused(found)
        return seen

    def _compared(self, seen: SeenEtcd, tls: Tls) -> tuple[SeenEtcd, Differences]:
        """What there is, with the objects that are not as they are asked to be."""
        count = seen.pods or self.etcd.members
        begins = seen.begun or not (seen.workload or seen.claims)
        wanted = self.site.asked(count, begins=begins, trust=tls.trust, seen=seen)
        differs = self.site.differs(wanted)
        return replace(seen, differs=tuple(differs)), differs

    def _certificates(self, *, check: bool) -> Tls:
        if self.etcd.issuer:
            return self._from_issuer(check=check)
        kept = keep(self.host.api, self.wanted, f"Certificates of {self.etcd.title}", check=check)
        trust = kept.after[SERVER][TRUST]
        words = _told(self.wanted, kept)
        return Tls(_digest(trust), kept.not_after, kept.changed, words)

    def _from_issuer(self, *, check: bool) -> Tls:
        """Those of cert-manager. Its own changes are its own: only what is asked of it counts here."""
        changed = bool(self.site.differs(self.issued))
        secrets = {part: self._secret(part) for part in (SERVER, CLIENT)}
        if not check:
            for item in self.issued:
                self.host.api.apply(path_of(item), item)
            limit = Deadline(self.spec.limits.rollout)
            what = "cert-manager to issue the certificates"
            wait_until(self.site.place, limit, what, lambda: all(map(self._secret, secrets)))
            secrets = {part: self._secret(part) for part in secrets}
        server = secrets[SERVER]
        ends = issuing.end_of(server)
        words = "certificates asked of cert-manager" if changed else ""
        return Tls(_digest(server.get(TRUST, b"")), ends, changed, words)

    def _secret(self, part: str) -> dict[str, bytes]:
        return _content(self.host.api, self.etcd.namespace, f"{self.etcd.name}-{part}")

    @property
    def _elsewhere(self) -> bool:
        here = (self.spec.access, self.spec.namespace)
        return here != (self.etcd.access, self.etcd.namespace)

    def _shares_client(self, *, check: bool) -> bool:
        """Whether the client's files go (or would go) to the namespace of the vCluster, where they are mounted."""
        name = f"{self.etcd.name}-{CLIENT}"
        if not self._elsewhere:
            return False
        path = f"/api/v1/namespaces/{self.spec.namespace}/secrets/{name}"
        found = self.tenant.api.find(path)
        labels = (found or {}).get("metadata", {}).get("labels") or {}
        if found and not OURS.items() <= labels.items():
            what = f"{self.spec.title}: Secret {name} is there, and somebody else made it."
            raise Refused((refuse("spec", what, "", "Choose another etcd.name."),))
        wanted = self._secret(CLIENT)
        there = _content(self.tenant.api, self.spec.namespace, name) if found else {}
        if all(there.get(key) == wanted.get(key) for key in KEYS):
            return False
        if not check:
            body = _client_secret(self.spec, self.etcd, name, wanted)
            self.tenant.api.apply(path, body)
        return True

    def _say(self, text: str) -> None:
        self.context.say(f"{self.spec.host}: {text}")

    def _result(self, tls: Tls, planned: Sequence[Step], differs: Differences) -> Result:
        kinds = [step.kind.value for step in planned]
        words = [tls.words, *(f"{step.kind.value}: {step.reason}" for step in planned)]
        told = "; ".join(filter(None, words))
        would = "would do " if self.context.check else ""
        result: Result = {
            "changed": tls.changed or bool(planned),
            "outcome": "planned" if self.context.check else "done",
            "steps": [*(["certificates"] if tls.changed else []), *kinds],
            "endpoint": self.etcd.endpoint,
            "secret": f"{self.etcd.name}-{CLIENT}",
            "not_after": moment_text(tls.ends) if tls.ends else "",
            "msg": f"{self.etcd.title}: {would}{told}" if told else f"{self.etcd.title}: as asked",
        }
        if self.context.diff:
            result["diff"] = [_difference(title, *sides) for title, sides in differs.items()]
        return result


def _difference(title: str, before: Json | None, after: Json) -> dict[str, str]:
    texts = [
        yaml.safe_dump(plain(side), sort_keys=True) if side else "" for side in (before, after)
    ]
    return {"before_header": title, "after_header": title, "before": texts[0], "after": texts[1]}


def _told(wanted: Wanted, kept: Kept) -> str:
    issued = [f"{wanted.secret(one.part)} ({one.why})" for one in kept.issued]
    return ", ".join([*issued, *kept.updated])


def _digest(trust: bytes) -> str:
    return hashlib.sha256(trust).hexdigest() if trust else ""


def _content(api: Api, namespace: str, name: str) -> dict[str, bytes]:
    found = api.find(f"/api/v1/namespaces/{namespace}/secrets/{name}") or {}
    return {key: b64decode(value) for key, value in (found.get("data") or {}).items()}


def _client_secret(spec: Spec, etcd: EtcdSpec, name: str, content: dict[str, bytes]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": name,
            "namespace": spec.namespace,
            "labels": dict(OURS),
            "annotations": {OWNER: etcd.owner},
        },
        "data": {key: b64encode(content[key]).decode() for key in KEYS},
    }
