"""The inventory: every column says what it holds, and the record of processing is made from that."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, Text

from calsync.annotation import Data, about, note_of
from calsync.config.settings import PrivacySettings
from calsync.crm.builtin.tables import metadata as builtin
from calsync.crm.opencrm.tables import metadata as opencrm
from calsync.privacy import inventory, processing
from calsync.store.migrations import SCHEMA

EVERYTHING = [SCHEMA.metadata, builtin, opencrm]


def test_every_column_of_every_table_says_what_it_holds():
    assert inventory.missing(EVERYTHING) == []


def test_a_column_of_which_nothing_is_said_is_found():
    part = MetaData()
    Table(
        "fresh",
        part,
        Column("id", Integer),
        Column("title", String),
        info=about("", "why", "life", technical="id"),
    )
    assert inventory.missing([part]) == ["fresh.title"]


def test_a_table_that_says_nothing_is_found():
    part = MetaData()
    Table("fresh", part, Column("id", Integer))
    with pytest.raises(LookupError, match="fresh"):
        inventory.missing([part])


def test_what_is_said_of_a_column_that_does_not_exist_is_found():
    part = MetaData()
    Table("fresh", part, Column("id", Integer), info=about("", "why", "life", technical="id gone"))
    assert inventory.missing([part]) == ["fresh.gone"]


def test_contents_addresses_and_secrets_are_encrypted_everywhere_but_in_the_crm_itself():
    private = {Data.CONTENT, Data.ADDRESSES, Data.SECRETS}
    for table, note in inventory.described([SCHEMA.metadata, opencrm]):
        for name, data in note.columns.items():
            assert data not in private or name in note.sealed, f"{table.name}.{name}"
            assert name not in note.sealed or isinstance(table.c[name].type, LargeBinary), (
                f"{table.name}.{name}"
            )


def test_text_without_limit_is_json_of_digests_and_codes_only():
    for table, note in inventory.described([SCHEMA.metadata]):
        for column in table.columns:
            if isinstance(column.type, Text):
                assert note.columns[column.name] in (Data.DIGESTS, Data.CHOICES), (
                    f"{table.name}.{column.name}"
                )


def test_what_is_personal_belongs_to_somebody_or_says_why_it_outlives_them():
    for table, note in inventory.described(EVERYTHING):
        assert not inventory.is_personal(note) or note.owner or note.kept, table.name


def test_categories_are_known_and_columns_named_once():
    with pytest.raises(ValueError, match="no category"):
        about("", "why", "life", jokes="id")
    with pytest.raises(ValueError, match="named twice"):
        about("", "why", "life", times="at", keys="at")


def test_the_record_names_every_personal_table_with_purpose_and_period():
    document = processing.record(PrivacySettings(controller="Firm", contact="dpo@firm.test"), EVERYTHING)
    words = processing.markdown(document)
    assert "- Controller: Firm" in words
    for table, note in inventory.described(EVERYTHING):
        assert (f"## {table.name}\n" in words) == inventory.is_personal(note)
        if inventory.is_personal(note):
            assert note_of(table).why in words
    assert "| refresh_token | tokens and keys | yes |" in words


def test_without_a_controller_the_record_says_what_to_configure():
    words = processing.markdown(processing.record(PrivacySettings(), EVERYTHING))
    assert "set privacy.controller in the configuration" in words
