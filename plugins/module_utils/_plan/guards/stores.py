# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on backing stores that hold for all of them; what one store alone knows stands in `_stores`."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse
from ..._stores.registry import secrets_of, store_in, store_named, stores_on
from .case import Case


def one_store(case: Case) -> Iterator[Finding]:
    """G04: the chart counts stores only while volumeClaim.enabled is auto; otherwise one wins silently."""
    on = [store.type for store in stores_on(case.effective)]
    if len(on) > 1:
        yield refuse(
            "G04",
            f"More than one backing store is switched on: {', '.join(on)}.",
            "One of them would win without a word, over an empty store.",
            "Say vcluster_store only, and leave controlPlane.backingStore out of vcluster_values.",
        )


def same_store(case: Case) -> Iterator[Finding]:
    """G03: another store through values is an empty vCluster in a green state."""
    if case.new:
        return
    live, wanted = store_in(case.effective_live), store_in(case.effective)
    if live.type != wanted.type:
        what = f"The backing store would change from {live.type} to {wanted.type}."
    elif live.identity(case.effective_live) != wanted.identity(case.effective):
        # An identity may hold a password (a data source): it is compared and not shown.
        what = f"The backing store {live.type} would be another one than the running."
    else:
        return
    yield refuse(
        "G03",
        what,
        "No data would be copied: the tenant would be empty, and everything green.",
        "Keep the store as it runs; moving a live store is not there yet.",
    )


def store_options(case: Case) -> Iterator[Finding]:
    """Options of `vcluster_store` that its type does not know, or lacks."""
    if case.spec.store:
        yield from store_named(case.spec.store.type).option_findings(case.spec.store.options)


def store_secrets(case: Case) -> Iterator[Finding]:
    """The Secrets a store mounts must be there first: the pods would wait for them until the end of time."""
    for name, keys in secrets_of(case.spec).items():
        found = case.observation.secrets.get(name)
        missing = [key for key in keys if key not in (found or ())]
        if missing:
            lacks = f"lacks {', '.join(missing)}" if found is not None else "does not exist"
            yield refuse(
                "spec",
                f"Secret {case.spec.namespace}/{name} of vcluster_store {lacks}.",
                "The control plane mounts it.",
                "Create it, with the namespace, before the vCluster.",
            )


def store_rules(case: Case) -> Iterator[Finding]:
    """What the store itself has to say."""
    store = store_in(case.effective)
    yield from store.findings(case.effective)
    if not case.new and store_in(case.effective_live).type == store.type:
        yield from store.change_findings(case.effective_live, case.effective)


STORE_GUARDS = (one_store, same_store, store_options, store_secrets, store_rules)
