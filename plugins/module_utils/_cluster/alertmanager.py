# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alertmanager's API v2 (0.27, api/v2/openapi.yaml): silences only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from .._core.moments import moment_text
from .._core.ports import Json
from .._core.spec import Access
from .api import KubernetesApi
from .kubeconfig import load
from .retry import Patience
from .transport import HostTransport

# One attempt: a silence that was made and not answered would stay behind a second one.
ONCE = Patience(busy=0.0, silent=0.0, connect=5.0, read=10.0)


class Alertmanager:
    """One Alertmanager, or the cluster behind an address.

    Args:
        url: Its address, with the path before `/api/v2`, if any.
        token: Bearer token; None without one.
        ca_cert: Path of the CA bundle; the system's without one.

    Raises:
        Unreachable: The CA bundle cannot be read.
    """

    def __init__(self, url: str, token: str | None, ca_cert: str | None) -> None:
        access = Access(host=url, token=token, ca_cert=ca_cert)
        self._api = KubernetesApi(f"Alertmanager {url}", HostTransport(lambda: load(access)), ONCE)

    def silence(
        self, labels: Iterable[tuple[str, Iterable[str]]], minutes: int, author: str, comment: str
    ) -> tuple[str, datetime]:
        """Make a silence; its id, and when it ends by itself. By Alertmanager's own clock.

        Args:
            labels: Each with the values that it may have; an alert is silenced when all of them fit.

        Raises:
            FleetError: There is no Alertmanager, or it refuses.
        """
        self._api.get("/api/v2/status")  # brings the clock
        begins = self._api.now
        ends = begins + timedelta(minutes=minutes)
        body: Json = {
            "matchers": [_matcher(name, values) for name, values in labels],
            "startsAt": moment_text(begins),
            "endsAt": moment_text(ends),
            "createdBy": author,
            "comment": comment,
        }
        return str(self._api.create("/api/v2/silences", body)["silenceID"]), ends

    def end(self, silence: str) -> None:
        """End a silence; one that is over already stays so.

        Raises:
            FleetError: There is no Alertmanager, or it refuses.
        """
        self._api.delete(f"/api/v2/silence/{silence}")


def _matcher(name: str, values: Iterable[str]) -> Json:
    """Alertmanager anchors regular expressions at both ends."""
    value = "|".join(re.escape(text) for text in sorted(set(values)))
    return {"name": name, "value": value, "isRegex": True, "isEqual": True}
