# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to this machine that does not call itself local, so that modules are shipped."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: elsewhere
short_description: this machine, as if it were another
description:
  - Runs everything here; only the name of the transport differs.
options:
  pipelining:
    default: false
    description: As in the local connection.
    type: boolean
    ini:
      - section: connection
        key: pipelining
    vars:
      - name: ansible_pipelining
"""


class Connection(LocalConnection):
    """See the module."""

    transport = "elsewhere"
