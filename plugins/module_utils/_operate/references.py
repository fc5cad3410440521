# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that name a Secret, read at the moment they are needed (G38)."""

from __future__ import annotations

import base64
from typing import Any

from .._core.errors import Refused
from .._core.finding import refuse
from .._core.ports import Api
from .._core.spec import Spec
from .._plan.references import resolved
from .context import Secrets


def with_secrets(spec: Spec, api: Api, secrets: Secrets) -> Spec:
    """The spec with the content of the Secrets its values refer to; a reference that leads nowhere stays.

    Raises:
        Refused: The content is no text.
    """
    read: dict[str, dict[str, Any]] = {}

    def content(name: str, key: str) -> str | None:
        if name not in read:
            found = api.find(f"/api/v1/namespaces/{spec.namespace}/secrets/{name}")
            read[name] = (found or {}).get("data") or {}
        if key not in read[name]:
            return None
        text = _text(spec, name, key, read[name][key])
        secrets.learn(text)
        return text

    return resolved(spec, content)


def _text(spec: Spec, name: str, key: str, content: str) -> str:
    """The content of a key of a Secret."""
    try:
        return base64.b64decode(content).decode()
    except UnicodeDecodeError:
        what = f"vcluster_values refer to key {key} of Secret {spec.namespace}/{name}, which is no text (UTF-8)."
        why = "A value of the chart is text."
        raise Refused((refuse("G38", what, why, "Mount the Secret instead."),)) from None
