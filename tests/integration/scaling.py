# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of scaling share: a client that writes all the while, and what etcd says of its members."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from by_hand import in_namespace, wait_until
from harness import ROOT, Lab
from saving import kubeconfig_of

from lab.ledger import Ledger, Target
from lab.watch import Watch

TABLE = ROOT / "build" / "scale.json"
RATE, CONNECTIONS = 20, 8  # writes a second, and over how many connections
HEARD = 20.0  # seconds until a watch has told of the last write
CERTIFICATES = "/run/config/pki"


def service(lab: Lab, name: str, folder: Path) -> Target:
    """The tenant's API at the address of its Service, as pods of the host cluster reach it: it outlives every pod."""
    address = in_namespace(lab, name, "get", "service", name, "--output=jsonpath={.spec.clusterIP}")
    return Target.of(kubeconfig_of(lab, name, folder), f"https://{address}:443")


@contextmanager
def under_load(
    lab: Lab,
    name: str,
    folder: Path,
    what: str,
    around: float = 5.0,
    patience: float = 0.0,
    store: str = "",
) -> Iterator[Ledger]:
    """A client writes from some seconds before to some seconds after; then all is read back, and a row is noted.

    Another one watches what is written, and has to hear of everything that was acknowledged.

    Args:
        around: Those seconds.
        patience: See Ledger.
        store: Its type in the end. On PostgreSQL an API server that starts amid writes may not list one of that moment
            (docs/backends.md); on any other a list has to have all that is there.
    """
    kept = folder / f"{name}-{what.replace(' ', '-').replace('>', '')}"
    target = service(lab, name, folder)
    ledger = Ledger(target, "default", RATE, 3600.0, CONNECTIONS, kept, patience)
    watch = Watch.of(ledger)
    clients = [threading.Thread(target=work) for work in (ledger.write, watch.follow)]
    for client in clients:
        client.start()
    began = time.monotonic()
    try:
        time.sleep(around)
        yield ledger
        time.sleep(around)
        ledger.stop()
        clients[0].join(60)
        missed = watch.missed(ledger.numbers(), HEARD)
    finally:
        ledger.stop()
        watch.stop()
        for client in clients:
            client.join(60)
    ledger.check()
    heard = {"watch_resumed": watch.resumed, "watch_listed": watch.listed, "unheard": len(missed)}
    row = {"seconds": round(time.monotonic() - began, 1), **asdict(ledger.report), **heard}
    _note(what, row)
    assert not missed, f"{what}: a watch never told of {sorted(missed)[:10]}"
    unlisted = ledger.report.unlisted and store != "postgresql"
    assert not unlisted, f"{what}: a list lacks what is there: {row}"


def _note(what: str, row: dict[str, Any]) -> None:
    """A row of the table that the run leaves."""
    TABLE.parent.mkdir(exist_ok=True)
    rows = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    TABLE.write_text(json.dumps({**rows, what: row}, indent=2) + "\n")


def members(lab: Lab, name: str, asked: int = 0) -> dict[str, bool]:
    """Name of each member, and whether it votes, as one of them tells it."""
    found = _etcdctl(lab, name, asked, "member", "list", "--write-out=json")
    return {m.get("name", ""): not m.get("isLearner", False) for m in json.loads(found)["members"]}


def broken(lab: Lab, name: str, number: int) -> None:
    """The member's database is overwritten: it never starts again. An emptied one may, filled by the others."""
    write = "echo broken > /var/lib/etcd/member/snap/db"
    in_namespace(lab, name, "exec", f"{name}-etcd-{number}", "--", "sh", "-c", write)


def gives_up(lab: Lab, name: str, number: int) -> None:
    """Waits until the member has ended by itself."""
    path = "--output=jsonpath={.status.containerStatuses[0].restartCount}"

    def ended() -> bool:
        return int(in_namespace(lab, name, "get", "pod", f"{name}-etcd-{number}", path) or 0) > 0

    wait_until(f"member {number} to give up", ended)


def _keys(lab: Lab, name: str, asked: int) -> int:
    """How many keys one member holds by itself."""
    found = _etcdctl(
        lab, name, asked, "get", "/registry", "--prefix", "--count-only", "--consistency=s",
        "--write-out=fields",
    )  # fmt: skip
    return int(found.partition('"Count" : ')[2].split()[0])


def agree_on_keys(lab: Lab, name: str, count: int) -> None:
    """So many members hold the same number of keys; the control plane writes meanwhile, and each is asked by itself."""

    def same() -> bool:
        return len({_keys(lab, name, number) for number in range(count)}) == 1

    wait_until(f"{count} members to hold the same number of keys", same)


def members_say(lab: Lab, name: str, count: int) -> list[dict[str, Any]]:
    """What each of so many members says of itself (etcdctl endpoint status)."""
    found = (
        _etcdctl(lab, name, number, "endpoint", "status", "--write-out=json")
        for number in range(count)
    )
    return [json.loads(text)[0]["Status"] for text in found]


def _etcdctl(lab: Lab, name: str, asked: int, *arguments: str) -> str:
    """etcdctl in the pod of one member."""
    tls = (
        f"--cacert={CERTIFICATES}/etcd-ca.crt",
        f"--cert={CERTIFICATES}/etcd-healthcheck-client.crt",
        f"--key={CERTIFICATES}/etcd-healthcheck-client.key",
    )
    pod = f"{name}-etcd-{asked}"
    return in_namespace(lab, name, "exec", pod, "--", "etcdctl", *tls, *arguments)
