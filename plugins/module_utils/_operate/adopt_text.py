# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of adopted vClusters as YAML with comments. No value of a release and no token is in it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from .._cluster.libraries import yaml
from .._core.arguments import PREFIX
from .._core.spec import Access
from .adopt import Adopted

WIDTH = 100
HEAD = """\
---
# vClusters as they run. The first plan over this inventory changes none of them: it proves them as they are.
# Chart values are not copied: what was never set here is never reset.
"""


def inventory_text(found: Sequence[Adopted]) -> str:
    """The inventory, host clusters and hosts in the order of their names."""
    lines = ["all:", "  vars:", "    ansible_connection: local"]
    groups = _groups(found)
    lines += ["  children:"] if groups else []
    hosts = {one.spec.host for one in found}
    for (cluster, access), members in groups.items():
        lines.append(f"    {_group_name(cluster, hosts, lines)}:")
        lines += ["      vars:", *_indented(_access(cluster, access), 8)]
        if access.token:
            lines += _comment("vcluster_api_token is not written: set it out of the vault.", 8)
        active = [one for one in members if not one.held_back]
        lines += ["      hosts:"] if active else ["      hosts: {}"]
        for one in active:
            lines += _host(one)
        for one in members:
            if one.held_back:
                lines += _left_out(one)
    return HEAD + "\n".join(line.rstrip() for line in lines) + "\n"


def _groups(found: Iterable[Adopted]) -> dict[tuple[str, Access], list[Adopted]]:
    groups: dict[tuple[str, Access], list[Adopted]] = {}
    for one in sorted(
        found, key=lambda one: (one.spec.cluster, one.spec.access.key, one.spec.host)
    ):
        groups.setdefault((one.spec.cluster, one.spec.access), []).append(one)
    return groups


def _group_name(cluster: str, hosts: Iterable[str], lines: Sequence[str]) -> str:
    """A name that Ansible takes for a group, that no host has and no other group."""
    name = re.sub(r"\W", "_", cluster, flags=re.ASCII)
    name = f"cluster_{name}" if name in hosts or name[:1].isdigit() or name in _RESERVED else name
    number = 1
    unique = name
    while f"    {unique}:" in lines:
        number += 1
        unique = f"{name}_{number}"
    return unique


_RESERVED = ("all", "ungrouped", "localhost")


def _access(cluster: str, access: Access) -> dict[str, str]:
    options = {
        "cluster": cluster,
        "kubeconfig": access.kubeconfig,
        "context": access.context,
        "api_host": access.host,
        "api_ca_cert": access.ca_cert,
    }
    return {PREFIX + key: value for key, value in options.items() if value}


def _host(one: Adopted) -> Iterator[str]:
    yield from (f"        {line}" for line in _written(one))
    for note in one.notes:
        yield from _comment(note, 10)


def _left_out(one: Adopted) -> Iterator[str]:
    """A comment that can be taken in by removing its marks."""
    yield from _comment(f"{one.spec.host} is left out. {one.held_back}", 8)
    for line in _written(one):
        yield f"        # {line}"


def _written(one: Adopted) -> list[str]:
    identity = {"name": one.spec.name, "namespace": one.spec.namespace}
    variables = {PREFIX + key: value for key, value in {**identity, **one.arguments}.items()}
    return _indented({one.spec.host: variables}, 0)


def _indented(content: object, columns: int) -> list[str]:
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=False, width=WIDTH)
    return [" " * columns + line for line in text.splitlines()]


def _comment(text: str, columns: int) -> list[str]:
    lead = " " * columns + "# "
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
