# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access of a module that works on a host cluster."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.access import access_from

NOTHING = {"kubeconfig": None, "context": None, "api_host": None, "api_token": None}


@pytest.mark.parametrize(
    ("given", "access", "called"),
    [
        ({}, Access(), "default"),
        ({"kubeconfig": "/c/hc1/kubeconfig"}, Access(kubeconfig="/c/hc1/kubeconfig"), "hc1"),
        ({"context": "west", "cluster": "w"}, Access(context="west"), "w"),
        ({"api_host": "https://x:6443"}, Access(host="https://x:6443"), "x:6443"),
    ],
)
def test_what_is_not_given_is_not_asked_for(
    given: dict[str, str], access: Access, called: str
) -> None:
    assert access_from({**NOTHING, **given}) == (access, called)


def test_options_that_contradict_each_other_are_refused_together() -> None:
    with pytest.raises(Refused) as caught:
        access_from({**NOTHING, "api_host": "http://x", "context": "west"})
    assert len(caught.value.findings) == 2
