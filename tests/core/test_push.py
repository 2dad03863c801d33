"""How much of a record goes out: never more than the permission, than any relation grants, than each filter allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from calsync.config.settings import SyncSettings
from calsync.model.permission import Access, Level, Relation
from calsync.model.policy import Policy
from calsync.model.push import UNKNOWN, Nature

amounts = some.sampled_from(["", ":none", ":busy", ":full"])
words = some.sampled_from(["Meeting", "call", "Site: visit", ""])
filters = some.lists(
    some.tuples(some.sampled_from(["meeting", "CALL", "site: visit", "", "*"]), amounts),
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: ["".join(pair) for pair in pairs])
pushes = some.lists(some.sampled_from(["mine", "invited:busy", "team", "team:busy"]), max_size=3)
accesses = some.builds(
    Access, some.sampled_from(Level), some.just("test"), some.frozensets(some.sampled_from(Relation))
)
natures = some.builds(Nature, words, words, words)


def policy(push, types=(), statuses=(), categories=()) -> Policy:
    keys = {"push_types": list(types), "push_statuses": list(statuses), "push_categories": list(categories)}
    return SyncSettings(push=list(push), **keys).policy()


@given(pushes, filters, filters, filters, accesses, natures)
def test_nothing_adds_to_what_the_permission_and_the_relation_grant(push, one, two, three, access, nature):
    limited = policy(push, one, two, three).outgoing(access, nature)
    assert limited <= policy(push).outgoing(access, nature) <= min(access.level, Level.READ)


@given(pushes, filters, filters, filters, accesses, natures)
def test_the_strictest_of_the_filters_holds(push, one, two, three, access, nature):
    alone = [policy(push, one), policy(push, (), two), policy(push, (), (), three)]
    together = policy(push, one, two, three).outgoing(access, nature)
    assert together == min(each.outgoing(access, nature) for each in alone)


@given(pushes, filters, accesses)
def test_what_the_crm_does_not_tell_stays(push, one, access):
    assert not one or policy(push, one).outgoing(access, UNKNOWN) is Level.NONE


@given(pushes, filters, accesses, natures)
def test_case_and_space_around_a_word_make_no_difference(push, one, access, nature):
    shouted = Nature(f" {nature.activity_type.upper()} ", nature.status, nature.category)
    limited = policy(push, one)
    assert limited.outgoing(access, shouted) == limited.outgoing(access, nature)


@given(pushes, filters, accesses, natures)
def test_a_ruling_always_says_why(push, one, access, nature):
    assert policy(push, one).ruling(access, nature).because


def test_a_word_may_have_colons_of_its_own():
    mine = Access(Level.EDIT, "test", frozenset({Relation.MINE}))
    rules = policy(["mine"], ["Visit: abroad", "Visit: at home:busy"])
    assert rules.outgoing(mine, Nature("visit: abroad")) is Level.READ
    assert rules.outgoing(mine, Nature("Visit: at home")) is Level.BUSY
    assert rules.outgoing(mine, Nature("Visit")) is Level.NONE
