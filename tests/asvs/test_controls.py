"""Each requirement holds, and its test notices when the control behind it is taken out."""

import pytest

from tests.asvs import v01_input, v03_browser, v06_sessions, v08_access, v11_rest
from tests.asvs.control import removed

CONTROLS = {
    item: control
    for chapter in (v01_input, v03_browser, v06_sessions, v08_access, v11_rest)
    for item, control in chapter.CONTROLS.items()
}
BY_ITEM = [pytest.param(control, id=f"V{item}") for item, control in CONTROLS.items()]


@pytest.mark.parametrize("control", BY_ITEM)
def test_the_requirement_holds(web, control):
    control.story(web)


@pytest.mark.parametrize("control", BY_ITEM)
def test_the_test_notices_when_the_control_is_gone(web, control):
    with removed(control), pytest.raises(AssertionError):
        control.story(web)


def test_all_forty_are_there():
    assert len(CONTROLS) == 40
