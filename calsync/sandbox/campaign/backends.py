"""The CRMs that people of a stage may work in, by the names under which tests and campaigns run with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from calsync.sandbox.opencrm.switches import PROFILES
from calsync.sandbox.opencrm.workplace import Tenancy
from calsync.sandbox.vtiger.workplace import Vtiger
from calsync.sandbox.workplace import Embedded, Workplace

BACKENDS: Mapping[str, Callable[[], Workplace]] = {
    "builtin": Embedded,
    **{f"opencrm-{profile}": partial(Tenancy, profile) for profile in PROFILES},
    "vtiger": Vtiger,
}
