# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart that was installed: Helm keeps it in the release, so nothing has to be fetched to plan with it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from .._core.errors import FleetError
from .._core.ports import Api, ChartArchive
from .releases import decode, secret_path


def installed_chart(api: Api, namespace: str, name: str, revision: int) -> ChartArchive:
    """The chart of a revision. There is no file of it: it is for planning, not for Helm.

    Raises:
        FleetError: The release is damaged.
    """
    path = secret_path(namespace, name, revision)
    what = f"Helm release Secret {namespace}/{path.rsplit('/', 1)[-1]}"
    document = decode(str((api.get(path).get("data") or {}).get("release", "")), what)
    chart = document.get("chart") or {}
    try:
        schema = json.loads(base64.b64decode(chart.get("schema") or "") or b"{}")
        version = str(chart["metadata"]["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{what} holds no chart that can be read: {error}.") from error
    return ChartArchive(Path(), "", version, schema, chart.get("values") or {})
