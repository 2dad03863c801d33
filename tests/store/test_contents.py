"""Events as bytes: what was packed is what comes out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from calsync.model.event import FIELDS, Event, field_value
from calsync.store.contents import dump_seen, dump_value, load_seen, load_value
from tests.events import events

faces = some.dictionaries(some.sampled_from(FIELDS), some.text(max_size=12))


@settings(max_examples=60)
@given(events(), faces, some.booleans(), some.booleans())
def test_a_sight_comes_back_whole(event, face, master, partial):
    assert load_seen(dump_seen(event, face, master, partial)) == (event, face, master, partial)


@settings(max_examples=60)
@given(events())
def test_an_exception_comes_back_as_an_event(event):
    assert load_value(dump_value(event)) == event


@settings(max_examples=60)
@given(events(), some.sampled_from(FIELDS))
def test_a_field_comes_back_so_that_it_reads_the_same(event, name):
    value = load_value(dump_value(field_value(event, name)))
    assert not isinstance(value, Event)
    again = load_value(dump_value(value))
    assert again == value
    if isinstance(field_value(event, name), str):
        assert value == field_value(event, name)


def test_a_cancelled_occurrence_comes_back_as_nothing():
    assert load_value(dump_value(None)) is None
