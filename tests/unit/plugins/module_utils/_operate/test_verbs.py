# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each verb plans."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fakes import ASKED, NOW, FakeHost, World
from signed import certificate, encoded

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.all_verbs import SIMPLE
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.verbs import LOOK

PLACE = {"directory": "/b", "recipients": ["age1x"]}
RENEWAL = ("renew_certificates",)


def test_backup_saves_what_is_there_and_refuses_the_rest_while_planning(world: World) -> None:
    context, host = Context(), FakeHost(world)
    spec = spec_of({**ASKED, "snapshots": PLACE}, context)
    missing = SIMPLE["backup"]().plan(spec, Observation(), host, context)
    assert missing is not None
    assert missing.plan.kinds == ("refused",)
    etcd = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
    world.deploy("tenant-a", "0.36.1", etcd)
    planned = SIMPLE["backup"]().plan(spec, Observation(), host, context)
    assert planned is not None
    assert planned.plan.kinds == ("snapshot",)
    assert planned.plan.digest
    assert planned.plan.steps[0].reason == "to the directory /b, read back"
    bucket = {"s3": {"bucket": "b", "prefix": "p", "endpoint": "https://s3.example.com"}}
    spec = spec_of({**ASKED, "snapshots": {**bucket, "recipients": ["age1x"]}}, context)
    planned = SIMPLE["backup"]().plan(spec, Observation(), host, context)
    assert planned is not None
    reason = "to the bucket b/p at https://s3.example.com, read back"
    assert planned.plan.steps[0].reason == reason


@pytest.mark.parametrize(("left", "kinds"), [(200, ()), (20, RENEWAL), (-1, RENEWAL)])
def test_g36_certificates_are_renewed_by_what_the_secrets_hold_not_by_what_a_proof_noted(
    run: Any, world: World, left: int, kinds: tuple[str, ...]
) -> None:
    """Whoever changed them told nobody, and a proof that fails notes nothing."""
    run()
    spec, host, context = spec_of(ASKED, Context()), FakeHost(world), Context()
    held = {"apiserver.crt": encoded(certificate(NOW + timedelta(days=left)))}
    world.objects["/api/v1/namespaces/vcluster-tenant-a/secrets/tenant-a-certs"] = {"data": held}
    (seen,) = host.fleet([spec]).observations.values()
    planned = SIMPLE["certificates"]().plan(spec, seen, host, context)
    assert (planned.plan.kinds if planned else ()) == kinds
    assert SIMPLE["site"]().plan(spec, seen, host, context) is None  # It goes by the note.


def test_a_look_plans_nothing(world: World) -> None:
    context = Context()
    assert LOOK.plan(spec_of(ASKED, context), Observation(), FakeHost(world), context) is None
