# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets a run came to know are masked on every way out."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import (
    Context,
    Secrets,
)


def test_g38_known_secrets_are_masked_wherever_they_stand() -> None:
    secrets = Secrets()
    secrets.learn({"a": ["deep-secret"]}, None, 5)
    masked = secrets.mask({"msg": "x deep-secret y", "list": ["deep-secret"]})
    assert "deep-secret" not in str(masked)


def test_a_text_too_short_to_be_a_secret_masks_nothing() -> None:
    secrets = Secrets()
    secrets.learn("ab")
    assert secrets.mask("about") == "about"


def test_progress_and_warnings_are_masked() -> None:
    said: list[str] = []
    context = Context(progress=said.append)
    context.secrets.learn("deep-secret")
    context.say("helm says deep-secret")
    assert "deep-secret" not in said[0]
