"""The sources of a dbt file: what is read, what is told as not taken, and what is refused with its path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.compile.dbt import with_jinja, without_jinja
from datalinx.engine.dbt.sources import DbtTable, Freshness, read_dbt_file
from datalinx.errors import Invalid

FILE = """
version: 2
models: []
sources:
  - name: crm
    description: All of it
    loader: airbyte
    loaded_at_field: _synced
    freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 1, period: day}, filter: x > 1}
    tables:
      - name: people
        identifier: CONTACTS
        description: "People, see {{ doc('people') }}"
        meta: {owner: ann}
        columns:
          - name: id
            description: The key
            data_type: int
            tests: [not_null, unique, dbt_utils.at_least_one]
            data_tests:
              - accepted_values: {values: [1, NO, true], quote: false}
              - accepted_values:
                  arguments: {values: [a]}
                  config: {severity: warn}
              - relationships: {to: "source('crm', 'orders')", field: id}
              - relationships: {arguments: {to: 'ref("stores")', field: '"Id"'}}
              - {name: mine, test_name: not_null, config: {where: "id > 3"}}
              - not_null: {config: {enabled: false}}
              - relationships: {to: "{{ var('x') }}", field: id}
              - accepted_values: {values: []}
              - 5
      - name: orders
        freshness: null
        config: {loaded_at_field: at, tags: [x]}
      - name: stores
        config: {freshness: {error_after: {count: 30, period: minute}}}
  - name: shop
    tables: [{name: x, colour: red}]
"""


def table(name: str) -> DbtTable:
    return next(each for each in read_dbt_file(FILE).sources[0].tables if each.name == name)


def test_read__a_file__has_its_tables_columns_and_tests() -> None:
    people = table("people")
    (column,) = people.columns
    assert (people.identifier, people.description) == ("CONTACTS", "People, see {{ doc('people') }}")
    assert (column.name, column.description) == ("id", "The key")
    assert [(test.kind, test.values) for test in column.tests if not test.problem] == [
        ("not_null", ()),
        ("unique", ()),
        ("accepted_values", (1, "NO", True)),
        ("accepted_values", ("a",)),
        ("relationships", ()),
        ("relationships", ()),
    ]
    references = [test.to for test in column.tests if test.to]
    assert [(to.source, to.table, to.column) for to in references] == [
        ("crm", "orders", "id"),
        (None, "stores", "Id"),
    ]
    assert [test.problem[:32] for test in column.tests if test.problem] == [
        "There is no test such as 'dbt_ut",
        "It tests some rows alone (`where",
        "It is switched off.",
        "It refers to something else than",
        "Its values are no list of 1 to 1",
        "A test is a name, or a name with",
    ]


def test_read__freshness__is_that_of_the_table_else_of_its_source() -> None:
    paths = [f"document.sources[0].tables[{n}]" for n in range(3)]
    assert table("people").freshness == Freshness("document.sources[0].tables[0]", "_synced", 12.0, 24.0)
    assert table("orders").freshness == Freshness(paths[1], "at", None, None)
    assert table("stores").freshness == Freshness(paths[2], "_synced", None, 0.5)


def test_read__keys_without_a_place__are_told_with_their_paths_and_no_others() -> None:
    file = read_dbt_file(FILE)
    notes, jinja = file.within(file.sources[0].path)
    first = "document.sources[0]"
    assert [note.path for note in notes] == [
        "document.models",
        f"{first}.freshness.filter",
        f"{first}.description",
        f"{first}.loader",
        f"{first}.tables[0].meta",
        f"{first}.tables[0].columns[0].data_type",
        f"{first}.tables[0].columns[0].data_tests[0].quote",
        f"{first}.tables[0].columns[0].data_tests[1].config.severity",
        f"{first}.tables[0].columns[0].data_tests[4].config.where",
        f"{first}.tables[0].columns[0].data_tests[5].config.enabled",
        f"{first}.tables[1].config.tags",
    ]
    assert all(note.message for note in notes)
    assert jinja == [f"{first}.tables[0].description"]
    assert [note.path for note in file.within(file.sources[1].path)[0]] == [
        "document.models",
        "document.sources[1].tables[0].colour",
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "document"),
        ("- a", "document"),
        ("version: 1\nsources: [{name: a}]", "document.version"),
        ("version: '2'\nsources: [{name: a}]", "document.version"),
        ("version: true\nsources: [{name: a}]", "document.version"),
        ("version: 2", "document.sources"),
        ("version: 2\nmodels: [{name: a}]", "document.sources"),
        ("sources: {name: a}", "document.sources"),
        ("sources: [a]", "document.sources[0]"),
        ("sources: [{tables: []}]", "document.sources[0].name"),
        ("sources: [{name: 5}]", "document.sources[0].name"),
        ("sources: [{name: a}, {name: a}]", "document.sources[1].name"),
        ("sources: [{name: a, tables: [{name: t}, {name: t}]}]", "document.sources[0].tables[1].name"),
        ("sources: [{name: a, tables: {t: {}}}]", "document.sources[0].tables"),
        ("sources: [{name: a, tables: [{name: t, columns: [x]}]}]", "document.sources[0].tables[0].columns[0]"),
        (
            "sources: [{name: a, tables: [{name: t, columns: [{name: x, description: [y]}]}]}]",
            "document.sources[0].tables[0].columns[0].description",
        ),
        (
            "sources: [{name: a, tables: [{name: t, columns: [{name: x, tests: not_null}]}]}]",
            "document.sources[0].tables[0].columns[0].tests",
        ),
        ("sources: [{name: a, freshness: soon}]", "document.sources[0].freshness"),
        (
            "sources: [{name: a, freshness: {warn_after: {count: -1, period: day}}}]",
            "document.sources[0].freshness.warn_after.count",
        ),
        (
            "sources: [{name: a, config: {freshness: {warn_after: {count: 1, period: year}}}}]",
            "document.sources[0].config.freshness.warn_after.period",
        ),
    ],
)  # fmt: skip
def test_read__of_another_shape__is_refused_with_the_path(text: str, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_dbt_file(text)
    assert caught.value.code == "DBT_FILE_INVALID"
    assert [fault.field for fault in caught.value.errors] == [path]


@given(st.text("{%# 'x}", max_size=12))
def test_jinja__written_as_text_and_read_again__is_what_it_was(text: str) -> None:
    assert with_jinja(without_jinja(text)) == text
