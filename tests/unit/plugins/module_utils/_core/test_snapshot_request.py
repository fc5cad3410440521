# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two objects of a request, as the vendor's controller reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot_request import (
    Request,
    Status,
    status_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    S3,
    Access,
    Spec,
)

SPEC = Spec("a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
ID = "20260317T093000Z-1a2b3c4d"
RELEASE = {"releaseName": "tenant-a"}


def request(**s3: Any) -> Request:
    place = S3("backups", **s3)
    return Request(SPEC, place, ID, f"hc%401/{ID}.tar.gz", "2026-03-17T09:30:00Z")


def options(ca_cert: str = "", **s3: Any) -> dict[str, Any]:
    secret = request(**s3).secret(RELEASE, ca_cert)
    found: dict[str, Any] = json.loads(secret["stringData"]["snapshotOptions"])
    return found


def test_both_objects_have_the_vendors_labels_and_ours() -> None:
    found = (request().config_map(), request().secret(RELEASE, ""))
    assert [body["kind"] for body in found] == ["ConfigMap", "Secret"]
    for body in found:
        assert body["metadata"] == {
            "name": "tenant-a-snapshot-request-1a2b3c4d",
            "labels": {
                "vcluster.loft.sh/snapshot-request": "",
                "vcluster.loft.sh/vcluster-name": "tenant-a",
                "vcluster.loft.sh/vcluster-namespace": "vcluster-tenant-a",
                "fleetops.vcluster/unproved-archive": ID,
            },
        }


def test_the_request_says_where_to() -> None:
    asked = request(prefix="/fleet/")
    document = json.loads(asked.config_map()["data"]["snapshotRequest"])
    assert document == {
        "metadata": {
            "name": "tenant-a-snapshot-request-1a2b3c4d",
            "creationTimestamp": "2026-03-17T09:30:00Z",
        },
        "spec": {"url": f"s3://backups/fleet/hc%401/{ID}.tar.gz"},
        "status": {},
    }
    assert str(asked.url) == f"s3://backups/fleet/hc%25401/{ID}.tar.gz", "as in any URL"


def test_the_options_are_those_of_the_bucket() -> None:
    assert options() == {
        "type": "s3",
        "s3": {"bucket": "backups", "key": f"hc%401/{ID}.tar.gz"},
        "release": RELEASE,
    }
    everything = options(
        "-----BEGIN",
        prefix="fleet",
        endpoint="https://s3:9000",
        region="west",
        access_key="me",
        secret_key="mine",
        session_token="now",
    )
    assert everything["s3"] == {
        "bucket": "backups",
        "key": f"fleet/hc%401/{ID}.tar.gz",
        "url": "https://s3:9000",
        "force-path-style": True,
        "region": "west",
        "ca-cert": "-----BEGIN",
        "access-key-id": "me",
        "secret-access-key": "mine",
        "session-token": "now",
    }


def test_another_service_than_amazons_has_a_region_too() -> None:
    assert options(endpoint="https://s3:9000")["s3"]["region"] == "us-east-1"
    assert "region" not in options()["s3"], "the controller asks Amazon for that of the bucket"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"status": {}}', Status("", "")),
        ('{"status": {"phase": "Completed", "error": {}}}', Status("Completed", "")),
        ('{"status": {"phase": "Failed", "error": {"message": "why"}}}', Status("Failed", "why")),
        ("{}", Status("", "")),
        ("[]", Status("", "")),
        ("no JSON", Status("", "")),
    ],
)
def test_the_status_is_read(text: str, status: Status) -> None:
    assert status_of({"data": {"snapshotRequest": text}}) == status


def test_a_config_map_without_a_request_has_not_begun() -> None:
    assert status_of({}) == Status("", "")
    assert status_of({"data": None}) == Status("", "")
