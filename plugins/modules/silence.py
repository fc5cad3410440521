#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: silence
short_description: Silence the alerts of a wave while it works
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Makes a silence in Alertmanager (API v2) for the vClusters of a wave that have C(vcluster_silence), or ends it.
  - One silence for each Alertmanager, with the labels C(vcluster) and C(namespace) as matchers. It ends by itself after
    C(vcluster_silence.minutes), whatever becomes of the run.
  - Does not fail. An Alertmanager that does not answer is a warning; the wave and its verdict are as without it.
  - Set C(run_once) on the task, and register it as C(fleetops_silence) where it begins.
options:
  wave:
    description: Number of the wave.
    type: int
    required: true
  state:
    description: V(absent) ends what the task that was registered as C(fleetops_silence) began.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is silenced then.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Silence its alerts
  fleetops.vcluster.silence:
    wave: 1
  run_once: true
  register: fleetops_silence
"""

RETURN = r"""
silences:
  description: What was made.
  returned: always
  type: list
  elements: dict
  contains:
    url:
      description: Of the Alertmanager.
      type: str
    id:
      description: Of the silence.
      type: str
    ends:
      description: When it ends by itself, RFC 3339.
      type: str
ended:
  description: Ids of the silences that were ended.
  returned: when O(state=absent) and there was something to end
  type: list
  elements: str
"""
