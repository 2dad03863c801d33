"""The CRMs that a campaign can be run with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from calsync.sandbox.campaign.backends import BACKENDS
from calsync.sandbox.workplace import Workplace

ROOT = Path(__file__).parents[2]


def workplaces() -> dict[str, Callable[[], Workplace]]:
    """Return what makes each of them, by name; the example of an adapter, where what its tests need is installed."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    try:
        from tests.adapters.workplace import Dav
    except ImportError:
        return dict(BACKENDS)
    return {**BACKENDS, "caldav": Dav}
