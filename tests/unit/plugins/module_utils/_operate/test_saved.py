# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive in a bucket is read as one on the controller is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import key_archive
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Refused,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Target
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    S3,
    Access,
    Origin,
    Snapshots,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.saved import (
    known,
    saved_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.targets import Targets

PAIRS = {b"/registry/a": b"1", b"/registry/b": b"2"}
KEY = "others/a@b.tar.gz"
VALUES = {"sync": {"old": True}}


def spec_of(archive: str) -> Spec:
    snapshots = Snapshots(s3=S3("backups", prefix="fleet"), origin=Origin(archive=archive))
    return Spec("a", "tenant-a", "vcluster-tenant-a", "hc1", Access(), snapshots=snapshots)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A bucket with one archive, outside the folder of our snapshots."""

    class Whole(Targets):
        def of(self, spec: Spec, api: Any) -> Target:
            assert spec.snapshots.s3 == S3("backups", prefix="")
            return Directory(tmp_path)

    file = io.BytesIO()
    release = key_archive.Release("tenant-a", "vcluster-tenant-a", "vcluster", "0.36.1", VALUES)
    key_archive.write(file, PAIRS.items(), release)
    file.seek(0)
    Directory(tmp_path).write(KEY, file)
    return Context(targets=Whole())


def test_what_lies_in_a_bucket_is_found_read_and_counted(context: Context, tmp_path: Path) -> None:
    spec = spec_of("s3://backups/others/a%40b.tar.gz")
    saved = saved_of(spec, context, "latest")
    assert (saved.manifest.id, saved.manifest.way) == ("a@b.tar.gz", "keys")
    assert saved.manifest.taken_at == Directory(tmp_path).written(KEY)
    assert (saved.values, saved.certificates) == (VALUES, None)
    with saved.data() as (file, found):
        assert {key: value for key, value, _lease in key_archive.live(file)} == PAIRS
    assert found.contents.keys == 2
    assert known(spec, context) == ([saved.manifest], [])


def test_one_that_is_not_there_is_said(context: Context) -> None:
    with pytest.raises(FleetError, match=r"b\.tar\.gz cannot be read"):
        saved_of(spec_of("s3://backups/b.tar.gz"), context, "latest")


def test_another_bucket_is_refused_before_it_is_asked(context: Context) -> None:
    class Never(Targets):
        def of(self, spec: Spec, api: Any) -> Target:
            raise AssertionError

    with pytest.raises(Refused, match="is in bucket others"):
        saved_of(spec_of("s3://others/a.tar.gz"), Context(targets=Never()), "latest")
