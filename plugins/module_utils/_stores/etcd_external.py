# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd, or anything that speaks its protocol, that the chart did not deploy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from .._core.care import Condition, Part
from .._core.check import CheckResult
from .._core.errors import FleetError
from .._core.etcd import Etcd
from .._core.finding import Finding, refuse
from .._core.lines.line import MetricsPaths
from .._core.marks import OWNER
from .._core.observation import Observation, Pod
from .._core.plan import Step
from .._core.ports import Reach
from .._core.scrape import Scrape, backend_scrape
from .._core.service_names import service_at
from .._core.snapshot import Way
from .._core.spec import Spec
from .base import BACKING_STORE, PERSISTENCE, Usual, at, tree, truthy, without
from .etcd_care import MemberCare, condition_of, metrics_of
from .etcd_checks import Answer, alarms, member_checks, member_lists, size
from .findings import unknown_options
from .key_refill import forget, held, remove, replace_keys, write
from .raising import Raising, raise_by_file, raise_by_writes
from .refill import Refill
from .source import Source, etcd_source, well_member
from .store import Options, Values
from .work import Upkeep

EXTERNAL = (*BACKING_STORE, "etcd", "external")
VOLUME = "etcd-client"
KINE = "/kine-"  # where the client's files are mounted, of a database behind kine
FILES = ("caFile", "certFile", "keyFile")
# The keys of a Secret of type kubernetes.io/tls.
_KEYS = {"ca_key": "ca.crt", "certificate_key": "tls.crt", "private_key_key": "tls.key"}


class EtcdExternal(Usual):
    """See Store."""

    type = "etcd_external"
    way: Way | None = "etcd"
    marked = False

    def enabled(self, values: Values) -> bool:
        """See Store. With kine in its place the store is the database behind it."""
        return truthy(at(values, *EXTERNAL, "enabled")) and not client_mount(values).startswith(
            KINE
        )

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store. The client certificate is mounted from its Secret; the chart leaves that to the user."""
        tls = options.get("tls")
        client = (tls["secret"], _keys(tls)) if tls else None
        return external_values(options.get("endpoint"), client, VOLUME)

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store. Where the client's files are mounted in another way than ours `tls` is not told."""
        endpoint = at(values, *EXTERNAL, "endpoint")
        # A password in an address is for the vault.
        if "@" in str(endpoint):
            return None
        tls = _tls_in(values)
        told = {"endpoint": endpoint} if isinstance(endpoint, str) else {}
        return {**told, "tls": tls} if tls else told

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return unknown_options(self.type, ("endpoint", "tls"), options)

    def secrets(self, name: str, options: Options) -> dict[str, tuple[str, ...]]:
        """See Store."""
        tls = options.get("tls")
        return {tls["secret"]: _keys(tls)} if tls else {}

    def endpoint(self, options: Options) -> str:
        """See Store."""
        return str(options.get("endpoint") or "")

    def identity(self, values: Values) -> str:
        """See Store: the endpoint, however it is written."""
        return str(at(values, *EXTERNAL, "endpoint") or "").removeprefix("https://").rstrip("/")

    def findings(self, values: Values) -> list[Finding]:
        """G59: without an address the pod ends at once."""
        if self.identity(values):
            return []
        return [
            refuse(
                "G59",
                "The store etcd_external has no endpoint.",
                "The chart takes it, and the pods end at once.",
                "Set vcluster_store.endpoint to host:port.",
            )
        ]

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store. An etcd of this collection on the host cluster is told by its Service in the endpoint."""
        found = service_at(self.identity(values), "")
        return (
            (backend_scrape("etcd", found.name, found.namespace),)
            if found and found.namespace
            else ()
        )

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """Every member, where they are pods of the host cluster, else the one that answers from the controller.

        Skipped with the reason where none answers: it may be no etcd that has a JSON gateway.
        """
        endpoint, tls = _address(spec)
        if not endpoint or not tls:
            reason = "vcluster_store names no endpoint and tls secret, so it is not asked"
            return [CheckResult("etcd_quorum", "skip", reason)]
        names, dial = _ways(endpoint, tls, reach)
        if names != [endpoint]:
            found = member_checks(names, names, dial)
            if len(found) > 1:
                return found
            words = f"no pod behind {endpoint} answers as an etcd: {found[0].evidence}"
            return [CheckResult("etcd_quorum", "skip", words)]
        try:
            with dial(endpoint) as etcd:
                answer = Answer(endpoint, etcd.members(), etcd.status())
        except FleetError as error:
            return [
                CheckResult("etcd_quorum", "skip", f"{endpoint} cannot be asked from here: {error}")
            ]
        return [_leader(answer), member_lists(0, [answer]), alarms([answer]), size([answer])]

    def as_copy(self, values: Values) -> dict[str, Any]:
        """See Store: a deployed etcd, which takes its snapshots. At the same address it would be the same store."""
        copy = self.left(values)
        node = copy.setdefault(BACKING_STORE[0], {}).setdefault(BACKING_STORE[1], {})
        node.setdefault("etcd", {}).setdefault("deploy", {})["enabled"] = True
        return copy

    def left(self, values: Values) -> dict[str, Any]:
        """See Store."""
        return without(without_volume(values, VOLUME), EXTERNAL)

    def empty(self, spec: Spec, values: Values, reach: Reach) -> bool:
        """See Store."""
        with _reached(spec, reach) as (_title, etcd):
            return not held(etcd)

    def empty_out(self, spec: Spec, reach: Reach) -> None:
        """See Store."""
        with _reached(spec, reach) as (_title, etcd):
            remove(etcd)

    def raise_revision(self, spec: Spec, values: Values, revision: int, refill: Raising) -> None:
        """See Store: by etcd's own tool where this collection made its members, else write by write."""
        members = _own_members(spec, refill.reach)
        with _reached(spec, refill.reach) as (title, etcd):
            if members is None:
                raise_by_writes(title, etcd, revision, refill)
            else:
                own = members.names[0].rpartition("-")[0]
                raise_by_file(spec.namespace, own, etcd, revision, refill)

    def condition(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
        *,
        closely: bool = False,
    ) -> Condition | None:
        """See Store. Of one that this collection did not make only what a member tells: others see to it."""
        if members := _own_members(spec, reach):
            metrics = metrics_of(spec.namespace, reach) if closely else None
            names = members.names
            return condition_of(names, names, members, quota=0, volume=0, metrics=metrics)
        try:
            with _reached(spec, reach) as (title, etcd):
                status = etcd.status()
                revision, keys = etcd.count() or (0, 0)
                _hash, compacted = etcd.hash(revision)
        except FleetError:
            return None  # what is wrong with it is for its checks
        return Condition(
            title,
            (Part(title, status.db_size, status.in_use),),
            status.quota,
            keys=keys,
            revision=revision,
            compacted=compacted,
            alarms=status.alarms,
            advice=tuple(f"its alarm {alarm} is raised" for alarm in status.alarms),
        )

    def tend(self, spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
        """See Store."""
        members = _own_members(spec, upkeep.reach)
        if members is None:
            raise FleetError(f"{spec.title}: its etcd is no longer one of this collection's.")
        care = MemberCare(
            spec.title, members.names, lambda: members.names, members, members.quota(), upkeep
        )
        care.carry_out(step)

    @contextmanager
    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> Iterator[Source]:
        """See Store."""
        with _reached(spec, reach) as (title, etcd):
            yield etcd_source(title, etcd)

    def takes(self, way: Way) -> Way:
        """See Store."""
        return "keys"

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """See Store."""
        with _reached(spec, refill.reach) as (title, etcd):
            replace_keys(title, etcd, refill)
            refill.compare()
            write(etcd, refill.changes())
            forget(etcd)


def external_values(
    endpoint: str | None, client: tuple[str, Sequence[str]] | None, volume: str
) -> dict[str, Any]:
    """User values for a server of etcd's protocol that is reached by an address.

    Args:
        endpoint: `host:port`.
        client: Secret with the client's files, and the keys of authority, certificate and key in it.
        volume: Names the volume and the folder they are mounted at.
    """
    items: list[tuple[tuple[str, ...], Any]] = [
        ((*EXTERNAL, "enabled"), True),
        ((*EXTERNAL, "endpoint"), endpoint),
    ]
    if client:
        secret, keys = client
        items += [
            ((*EXTERNAL, "tls", file), f"/{volume}/{key}")
            for file, key in zip(FILES, keys, strict=True)
        ]
        source = {"name": volume, "secret": {"secretName": secret}}
        mount = {"name": volume, "mountPath": f"/{volume}", "readOnly": True}
        items += [
            ((*PERSISTENCE, "addVolumes"), [source]),
            ((*PERSISTENCE, "addVolumeMounts"), [mount]),
        ]
    return tree(*items)


def without_volume(values: Values, name: str) -> dict[str, Any]:
    """The user values without a volume that `external_values` or its like mount."""
    copy = without(values)
    for kind in ("addVolumes", "addVolumeMounts"):
        found = at(copy, *PERSISTENCE, kind) or []
        kept = [item for item in found if item.get("name") != name]
        if kept != found:
            at(copy, *PERSISTENCE)[kind] = kept
            copy = copy if kept else without(copy, (*PERSISTENCE, kind))
    return copy


def client_mount(values: Values) -> str:
    """Where the client's authority is mounted; empty without one."""
    return str(at(values, *EXTERNAL, "tls", "caFile") or "")


@contextmanager
def _reached(spec: Spec, reach: Reach) -> Iterator[tuple[str, Etcd]]:
    """The etcd and what messages call it."""
    endpoint, tls = _address(spec)
    if not endpoint or not tls:
        raise FleetError(
            f"{spec.title}: its etcd is at {endpoint or 'no address'}, and nothing names the Secret with a client "
            "certificate for it.",
            "Set vcluster_store.endpoint and vcluster_store.tls, and run fleetops.vcluster.site: its data is streamed "
            "from there, and put back there.",
        )
    names, dial = _ways(endpoint, tls, reach)
    with well_member(names, dial) as (name, etcd):
        yield f"etcd {name}", etcd


@dataclass(frozen=True)
class _Members:
    """Pods behind the endpoint (see Dial).

    Attributes:
        names: Of the pods.
        dial: Opens one of them.
    """

    names: list[str]
    dial: Callable[[str], AbstractContextManager[Etcd]]

    def member(self, pod: str) -> AbstractContextManager[Etcd]:
        """See Dial."""
        return self.dial(pod)

    def quota(self) -> int:
        """Bytes, as one of them tells it; 0 before etcd 3.6."""
        with self.dial(self.names[0]) as etcd:
            return etcd.status().quota


def _own_members(spec: Spec, reach: Reach) -> _Members | None:
    """The members, where roles/backend_etcd made them in the namespace of the vCluster."""
    endpoint, tls = _address(spec)
    if not endpoint or not tls:
        return None
    names, dial = _ways(endpoint, tls, reach)
    if names == [endpoint]:
        return None  # no pod of the host cluster is behind it
    found = reach.workload("StatefulSet", names[0].rpartition("-")[0])
    return _Members(names, dial) if found and OWNER in found.annotations else None


def _ways(
    endpoint: str, tls: Options, reach: Reach
) -> tuple[list[str], Callable[[str], AbstractContextManager[Etcd]]]:
    """The members by name, and how to dial one: pods behind the endpoint, or the endpoint itself."""
    backends = {backend.pod: backend for backend in reach.behind(endpoint)}

    def dial(name: str) -> AbstractContextManager[Etcd]:
        return reach.external(endpoint, tls["secret"], _keys(tls), backends.get(name))

    return list(backends) or [endpoint], dial


def _address(spec: Spec) -> tuple[str | None, Options | None]:
    """Endpoint and client certificate, as the inventory names them."""
    options = spec.store.options if spec.store else {}
    return options.get("endpoint"), options.get("tls")


def _tls_in(values: Values) -> dict[str, str] | None:
    """The option `tls` that the values stand for; None where its files are mounted in another way than ours."""
    volumes = at(values, *PERSISTENCE, "addVolumes") or ()
    secrets = [
        at(volume, "secret", "secretName") for volume in volumes if at(volume, "name") == VOLUME
    ]
    files = [str(at(values, *EXTERNAL, "tls", file) or "") for file in FILES]
    if len(secrets) != 1 or not all(file.startswith(f"/{VOLUME}/") for file in files):
        return None
    names = [file.removeprefix(f"/{VOLUME}/") for file in files]
    said = zip(_KEYS.items(), names, strict=True)
    others = {option: name for (option, usual), name in said if name != usual}
    return {"secret": str(secrets[0]), **others}


def _keys(tls: Options) -> tuple[str, str, str]:
    authority, certificate, key = (
        str(tls.get(option) or default) for option, default in _KEYS.items()
    )
    return authority, certificate, key


def _leader(answer: Answer) -> CheckResult:
    """`etcd_quorum`: the member at the endpoint knows a leader; it could not without a quorum."""
    if answer.status.leader in ("", "0"):
        return CheckResult("etcd_quorum", "fail", f"{answer.name} knows no leader")
    return CheckResult("etcd_quorum", "pass", f"{answer.name} answers and knows a leader")
