# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import time

from jinja2 import Environment

from ..module_utils._operate.report import Report

TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vCluster fleet: {{ report.failures | length }} failed of {{ report.lines | length }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #ccc; }
.bad { color: #a40000; font-weight: 600; } .good { color: #1b6e1b; }
details { margin-top: .2rem; } code { font-size: .9em; }
</style>
</head>
<body>
<h1>vCluster fleet</h1>
<p>{{ when }}. {{ report.unchanged }} unchanged, {{ report.lines | length }} in this run,
{{ report.failures | length }} failed, {{ report.left | length }} not reached.</p>
{% if report.halted %}<p class="bad">Halted: wave {{ report.halted }} broke its budget.</p>{% endif %}
{% if report.failures or report.left %}
<p>What is done stays done. To go on: <code>{{ report.command }}</code></p>
{% endif %}
<table>
<thead><tr><th>vCluster</th><th>Host cluster</th><th>Wave</th><th>Planned</th><th>Outcome</th></tr></thead>
<tbody>
{% for line in report.lines %}
<tr>
<td>{{ line.host }}</td><td>{{ line.cluster }}</td><td>{{ line.wave }}</td>
<td>{{ line.planned | join(", ") }}</td>
<td><span class="{{ 'good' if line.good else 'bad' }}">{{ line.outcome }}</span>
{% if line.seconds %}in {{ line.seconds | round | int }} s{% endif %}
{% if line.message %}<br>{{ line.message }}{% endif %}
{% if line.checks %}
<details><summary>{{ line.checks | length }} checks</summary>
<table><tbody>
{% for check in line.checks %}
<tr><td class="{{ 'bad' if check.status == 'fail' else '' }}">{{ check.status }}</td>
<td>{{ check.id }}</td><td>{{ check.evidence }}</td></tr>
{% endfor %}
</tbody></table></details>
{% endif %}
</td>
</tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""


def report_html(report: Report) -> str:
    """The report as HTML; every text in it is escaped."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return environment.from_string(TEMPLATE).render(report=report, when=when)
