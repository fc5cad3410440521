# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table on a server on its way to other data: kine stopped, the table filled, compared, kine started."""

from __future__ import annotations

from typing import Any, cast

import pytest
from members import spec
from servers import FakeServer
from test_refill import content, until

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.sql_refill import REPLICAS

PATH = "/apis/apps/v1/namespaces/vcluster-tenant/deployments/tenant-kine-postgresql"


class FakeApi:
    """The Deployment of kine, whose pods follow at once."""

    def __init__(self, deployment: dict[str, Any] | None, log: list[str]) -> None:
        self.deployment, self.log = deployment, log

    def find(self, path: str) -> Any:
        assert path == PATH
        return self.deployment

    get = find

    def merge(self, path: str, body: dict[str, Any]) -> None:
        assert path == PATH and self.deployment is not None
        count = body["spec"]["replicas"]
        self.log.append(f"kine {count}")
        self.deployment["spec"]["replicas"] = count
        self.deployment["status"] = {"replicas": count, "readyReplicas": count}
        self.deployment["metadata"].setdefault("annotations", {}).update(
            body["metadata"]["annotations"]
        )


def kine(replicas: int, noted: str | None = None) -> dict[str, Any]:
    annotations = {REPLICAS: noted} if noted else {}
    status = {"replicas": replicas, "readyReplicas": replicas}
    return {
        "metadata": {"annotations": annotations},
        "spec": {"replicas": replicas},
        "status": status,
    }


def refilled(
    deployment: dict[str, Any] | None, server: FakeServer, compare: Any = lambda: None
) -> list[str]:
    log: list[str] = []

    class Logged(FakeServer):
        def refill(self, content: Any) -> None:
            log.append("filled")
            server.refill(content)

    work = Refill(
        api=cast("Any", FakeApi(deployment, log)),
        reach=cast("Any", Logged()),
        pods=list,
        way="sqlite",
        items=lambda: iter(()),
        content=content,
        size=3,
        sha256="",
        revision=9,
        raise_by=0,
        compare=lambda: (log.append("compared"), compare())[0],
        changes=lambda: iter(()),
        shell_image="",
        until=until,
        say=lambda _text: None,
    )
    store_named("postgresql").refill(spec(), {}, work)
    return log


@pytest.mark.parametrize(
    ("deployment", "steps"),
    [
        (kine(3), ["kine 0", "filled", "compared", "kine 3"]),
        (kine(0, "3"), ["filled", "compared", "kine 3"]),  # a run was cut off
        (None, ["filled", "compared"]),  # by the vendor's way there is none
    ],
)
def test_g48_kine_is_stopped_meanwhile_and_comes_back_as_it_was(
    deployment: dict[str, Any] | None, steps: list[str]
) -> None:
    server = FakeServer()
    assert refilled(deployment, server) == steps
    assert server.holds == b"database"
    assert deployment is None or deployment["metadata"]["annotations"][REPLICAS] is None


def test_it_serves_nobody_before_the_table_was_compared() -> None:
    def differs() -> None:
        raise FleetError("others")

    deployment = kine(2)
    with pytest.raises(FleetError, match="others"):
        refilled(deployment, FakeServer(), differs)
    assert deployment["spec"]["replicas"] == 0
