"""The CRMs that a campaign can be run with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from calsync.sandbox.campaign.backends import BACKENDS
from calsync.sandbox.workplace import Workplace


def workplaces() -> dict[str, Callable[[], Workplace]]:
    """Return what makes each of them, by name; the example of an adapter, where what its tests need is installed."""
    root = str(Path(__file__).parents[2])
    if root not in sys.path:
        sys.path.append(root)
    try:
        from tests.adapters.workplace import Dav
    except ImportError:
        return dict(BACKENDS)
    return {**BACKENDS, "caldav": Dav}
