# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the report of a run on disk while it goes on, for the case that it never comes to its report play.

It stands beside the playbooks, so Ansible loads it with them and nobody has to enable it.
"""

from __future__ import annotations

import atexit
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._recorder import Recorder


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Hands what Ansible tells to the recorder."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fleetops_report"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recorder = Recorder()
        self._process = os.getpid()
        # A dead worker and Ctrl-C end Ansible without v2_playbook_on_stats.
        atexit.register(self._end)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A worker begins with a task of a host."""
        self._recorder.started(task.action, host.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task has a result."""
        self._finished(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed."""
        self._finished(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host was not reached."""
        self._finished(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """An action says that there was nothing to do."""
        self._finished(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The run came to its end, with or without a report play."""
        self._say(self._recorder.ended("ended"))

    def _finished(self, result: Any) -> None:
        # Reading a result copies it: only where it is one of ours.
        if self._recorder.wants(result.task.action):
            self._say(
                self._recorder.finished(result.task.action, result.host.get_name(), result.result)
            )

    def _end(self) -> None:
        if os.getpid() == self._process:
            self._say(self._recorder.ended("cut off"))

    def _say(self, text: str) -> None:
        if text:
            self._display.display(text)
