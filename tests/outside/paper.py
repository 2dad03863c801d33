"""An installation whose CRM is a plug-in that keeps its data elsewhere."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from calsync.sandbox.stage import Stage

PLUGIN = Path(__file__).parent / "plugin"
if str(PLUGIN) not in sys.path:
    sys.path.append(str(PLUGIN))

from paper_crm import PaperCrm  # noqa: E402 - it is found only now


@contextmanager
def paper_stage(directory, sync=None):
    """Yield a stage and its CRM; nothing of the CRM is in the stage's directory."""
    elsewhere = directory / "elsewhere"
    state = directory / "installation"
    elsewhere.mkdir()
    state.mkdir()
    path = os.pathsep.join(filter(None, [str(PLUGIN), os.environ.get("PYTHONPATH")]))
    stage = Stage(state, {"poll_seconds": 2} | (sync or {}), crm="paper")
    stage.environment |= {"PYTHONPATH": path, "CALSYNC_CRM__PAPER__FILE": str(elsewhere / "paper.db")}
    with stage:
        yield stage, PaperCrm(str(elsewhere / "paper.db"))


def add_person(stage, crm, user, email, name=""):
    """Add a CRM user with a Google account, and let them consent."""
    crm.add_person(user, email, name or user)
    stage.control("POST", "accounts", {"email": email})
    page = stage.connect(user)
    assert page.url == f"{stage.url}/me", page.text
