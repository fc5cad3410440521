# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.s3_url import S3Url, parse


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_every_key_survives(key: str) -> None:
    assert parse(str(S3Url("backups", key))) == S3Url("backups", key)


@pytest.mark.parametrize("text", ["", "/backups/a.tar.gz", "~/s3://a/b", "https://backups/a"])
def test_what_is_no_such_url(text: str) -> None:
    assert parse(text) is None


def test_options_are_not_kept() -> None:
    found = parse("s3://backups/a%2540b.tar.gz?secret-access-key=c2VjcmV0")
    assert found == S3Url("backups", "a%40b.tar.gz", options=True)
    assert "c2VjcmV0" not in repr(found)
