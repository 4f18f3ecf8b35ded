"""The fault run, small: calls while the link is cut at random and Asterisk is killed.

`bench/fault_run.py` is the same at its full size, and prints what became of the calls.
"""

from __future__ import annotations

import pytest

from ari_faults.run import FaultPlan, Way, run_faults
from dialogari.sandbox.installation import Installation


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["inbound", "persistent"])
async def test_every_call_is_accounted_for(
    asterisk_installation: Installation, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """Each call ends once, finished or lost; no handler fails, and nothing of it all is left."""
    plan = FaultPlan(calls=200, cuts=8, kills=1, seed=1, rate=12.0, way=way)

    report = await run_faults(asterisk_installation, plan)

    assert report.accounts.faults == []
    assert report.left == []
    assert (len(report.cuts), len(report.kills)) == (plan.cuts, plan.kills)
    accounts = report.accounts
    visits = accounts.visits.total()
    ended = accounts.finished + accounts.lost + accounts.unheard
    assert visits == ended + accounts.visits["refused"]
    assert accounts.visits["sent back"] > plan.calls / 5
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
