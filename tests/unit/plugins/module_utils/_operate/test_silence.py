# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silences of a wave: one for each Alertmanager, and nothing that goes wrong is more than a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alertmanager_service import Service

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.silence import (
    Silence,
    Silenced,
    begin,
    end,
    silence_of,
)


@pytest.fixture
def services() -> Iterator[list[Service]]:
    found = [Service(), Service()]
    yield found
    for service in found:
        service.close()


def test_one_for_each_alertmanager(services: list[Service]) -> None:
    first, second = (Silence(service.url) for service in services)
    asked = [
        Silenced("a", "ns-a", first),
        Silenced("b", "ns-b", second),
        Silenced("c", "ns-c", first),
    ]
    made = begin(asked, "run 1", Context())
    assert [one["url"] for one in made] == [first.url, second.url]
    (body,) = services[0].silences.values()
    assert [matcher["value"] for matcher in body["matchers"]] == ["a|c", r"ns\-a|ns\-c"]
    assert end(made, [first, second], Context()) == [one["id"] for one in made]
    assert all(service.silences == {} for service in services)


def test_one_that_does_not_answer_is_a_warning_that_names_the_vclusters_and_no_token(
    services: list[Service],
) -> None:
    bad, good = services
    bad.status = 401
    warnings: list[str] = []
    asked = [
        Silenced("a", "ns-a", Silence(bad.url, token="s3cret-token")),
        Silenced("b", "ns-b", Silence(good.url)),
    ]
    made = begin(asked, "run 1", Context(warn=warnings.append))
    assert [one["url"] for one in made] == [good.url]
    (warning,) = warnings
    assert warning.startswith("The alerts of a are not silenced: Alertmanager ")
    assert "s3cret-token" not in warning


def test_one_that_cannot_be_ended_is_a_warning_that_says_until_when_it_stays(
    services: list[Service],
) -> None:
    silence = Silence(services[0].url, 30)
    made = begin([Silenced("a", "ns-a", silence)], "run 1", Context())
    services[0].status = 500
    warnings: list[str] = []
    assert end(made, [silence], Context(warn=warnings.append)) == []
    assert "stays until 2026-09-01T10:30:00Z" in warnings[0]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("http://a", "is no mapping"),
        ({"minutes": 5}, "url"),
        ({"url": "a:9093"}, "does not begin with"),
        ({"url": "http://a", "minutes": 0}, "not from 1 to"),
        ({"url": "http://a", "minutes": 100000}, "not from 1 to"),
        ({"url": "http://a", "for": 5}, "for"),
    ],
)
def test_what_is_wrong_is_told(said: Any, words: str) -> None:
    silence, errors = silence_of(said)
    assert silence is None
    assert any(words in error for error in errors), errors


def test_what_is_not_said_has_a_bound() -> None:
    assert silence_of(None) == (None, [])
    found, _errors = silence_of({"url": "http://a", "token": "s3cret"})
    assert found and found.minutes == 60
    assert "s3cret" not in repr(found)
