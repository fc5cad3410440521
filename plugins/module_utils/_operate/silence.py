# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts of the vClusters of a wave are silenced while it works on them. It never stands in the way of the wave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._cluster.alertmanager import Alertmanager
from .._cluster.lock import person
from .._core.errors import FleetError
from .._core.moments import moment_text
from .._plan.argument_types import checked
from .context import Context

Connect = Callable[[str, "str | None", "str | None"], Alertmanager]


@dataclass(frozen=True)
class Silence:
    """What `vcluster_silence` asks for.

    Attributes:
        url: Address of the Alertmanager.
        minutes: After which a silence ends by itself.
        token: Bearer token. Secret.
        ca_cert: Path of the CA bundle.
    """

    url: str
    minutes: int = 60
    token: str | None = field(default=None, repr=False)
    ca_cert: str | None = None


@dataclass(frozen=True)
class Silenced:
    """A vCluster whose alerts are silenced.

    Attributes:
        host: Inventory name, the label `vcluster` of its alerts.
        namespace: The label of that name.
        silence: How.
    """

    host: str
    namespace: str
    silence: Silence


OPTIONS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "minutes": {"type": "int"},
    "token": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path"},
}
LONGEST = 24 * 60  # minutes


def silence_of(said: Any) -> tuple[Silence | None, list[str]]:
    """The silence of `vcluster_silence`, and what is wrong with it."""
    if said is None:
        return None, []
    if not isinstance(said, Mapping):
        return None, [f"vcluster_silence is no mapping; it is one with {', '.join(OPTIONS)}."]
    values, findings = checked(OPTIONS, said, "vcluster_silence.")
    errors = [finding.what for finding in findings]
    if not str(values.get("url") or "https://").startswith(("http://", "https://")):
        errors.append("vcluster_silence.url does not begin with https:// or http://.")
    if not 1 <= values.get("minutes", 1) <= LONGEST:
        errors.append(f"vcluster_silence.minutes is not from 1 to {LONGEST}.")
    return (None, errors) if errors else (Silence(**values), [])


def begin(
    asked: Iterable[Silenced], comment: str, context: Context, connect: Connect = Alertmanager
) -> list[dict[str, str]]:
    """Make one silence for each Alertmanager; what was made, without secrets.

    An Alertmanager that does not take it is a warning.
    """
    groups: dict[Silence, list[Silenced]] = {}
    for one in asked:
        groups.setdefault(one.silence, []).append(one)
    made = []
    for silence, members in groups.items():
        context.secrets.learn(silence.token)
        labels = (
            ("vcluster", [member.host for member in members]),
            ("namespace", [member.namespace for member in members]),
        )
        try:
            server = connect(silence.url, silence.token, silence.ca_cert)
            found, ends = server.silence(labels, silence.minutes, person(), comment)
        except FleetError as error:
            names = ", ".join(member.host for member in members)
            context.warn(context.secrets.mask(f"The alerts of {names} are not silenced: {error}"))
            continue
        made.append({"url": silence.url, "id": found, "ends": moment_text(ends)})
    return made


def end(
    made: Iterable[Mapping[str, str]],
    asked: Sequence[Silence],
    context: Context,
    connect: Connect = Alertmanager,
) -> list[str]:
    """End silences that `begin` made; the ids of those that ended. One that does not is a warning: it ends by itself.

    Args:
        asked: How each Alertmanager is reached.
    """
    ended = []
    for one in made:
        silence = next((found for found in asked if found.url == one["url"]), Silence(one["url"]))
        context.secrets.learn(silence.token)
        try:
            connect(silence.url, silence.token, silence.ca_cert).end(one["id"])
        except FleetError as error:
            words = f"Silence {one['id']} stays until {one['ends']}: {error}"
            context.warn(context.secrets.mask(words))
            continue
        ended.append(one["id"])
    return ended
