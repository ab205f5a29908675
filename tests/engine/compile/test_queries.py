"""CTEs: what their SQL may hold, what they read, how they build on each other."""

import pytest

from datalinx.engine.compile.inputs import describe_cte, reads_of_cte
from datalinx.engine.compile.mapping import required_reads
from datalinx.engine.compile.plan import Read
from datalinx.errors import Invalid
from tests.engine.compile.kit import Database, compiled, faults_of, mapping, shape, table

ORDERS = {"id": "BIGINT", "customer": "VARCHAR", "total": "DOUBLE", "day": "DATE"}
INPUTS = {"source:crm:orders": shape(ORDERS), "target:people": shape({"id": "VARCHAR", "name": "VARCHAR"})}
ROWS = [(1, "a", 10.0, "2024-01-01"), (2, "a", 20.0, "2024-01-02"), (3, "b", 5.0, "2024-01-03")]


def run(sql: str, **others: str) -> list[tuple[object, ...]]:
    """The rows of a CTE, as a mapping of its columns to text columns reads them."""
    ctes = {"it": sql, **others}
    columns = describe_cte("it", ctes=ctes, inputs=INPUTS)
    names = [f"x{number}" for number in range(len(columns))]
    document = mapping(
        {name: f'o."{column.name}"' for name, column in zip(names, columns, strict=True)},
        inputs=[{"alias": "o", "cte": "it"}],
    )
    database = Database()
    database.fill("source:crm:orders", ORDERS, ROWS)
    database.fill("target:people", {"id": "VARCHAR", "name": "VARCHAR"}, [("a", "Ada")])
    reads = {read.relation: shape_of(read) for read in required_reads(document, ctes=ctes)}
    return database.run(compiled(document, table(*(f"{name} string" for name in names)), reads, ctes))


def shape_of(read: Read) -> dict[str, str]:
    return {column.name: column.type for column in INPUTS[read.relation].columns}


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select customer, count(*) as n from crm.orders group by customer", [("a", "2"), ("b", "1")]),
        ("select customer, sum(total) from crm.orders group by all having sum(total) > 6", [("a", "30.0")]),
        ("select distinct customer from crm.orders", [("a",), ("b",)]),
        ("select id from crm.orders order by total desc limit 1", [("2",)]),
        ("select id from crm.orders order by id limit 1 offset 1", [("2",)]),
        ("select * from crm.orders where id = 3", [("3", "b", "5.0", "2024-01-03")]),
        ("select o.* from crm.orders o where o.id = 3", [("3", "b", "5.0", "2024-01-03")]),
        (
            "select id from crm.orders qualify row_number() over (partition by customer order by day desc) = 1",
            [("2",), ("3",)],
        ),
        (
            "select sum(total) over (order by id rows between 1 preceding and current row) from crm.orders",
            [("10.0",), ("25.0",), ("30.0",)],
        ),
        ("select lag(id, 1) over (order by id) from crm.orders", [("1",), ("2",), (None,)]),
        ("select p.name from crm.orders o join people p on p.id = o.customer", [("Ada",), ("Ada",)]),
        ("select o.id from crm.orders o cross join people p", [("1",), ("2",), ("3",)]),
        ("select id from crm.orders where customer in (select id from people)", [("1",), ("2",)]),
        (
            "select id from crm.orders o where exists (select 1 from people p where p.id = o.customer)",
            [("1",), ("2",)],
        ),
        ("select id, (select max(total) from crm.orders) as m from crm.orders where id = 1", [("1", "20.0")]),
        ("select id from (select id + 1 as id from crm.orders) q where id > 3", [("4",)]),
        ("with big as (select * from crm.orders where total > 9) select id from big", [("1",), ("2",)]),
        (
            "select id from crm.orders where id = 1 union all select id from crm.orders where id = 1",
            [("1",), ("1",)],
        ),
        ("select id from crm.orders intersect select 2", [("2",)]),
        ("select id from crm.orders except select 2", [("1",), ("3",)]),
        ('select "ID" from "crm"."orders" where "Total" = 5', [("3",)]),
        ("select id from other where id > 2", [("3",)]),
    ],
)
def test_cte__of_sql_that_may_stand_there__gives_its_rows(sql: str, rows: list[tuple[object, ...]]) -> None:
    assert run(sql, other="select * from crm.orders") == rows


@pytest.mark.parametrize(
    "sql",
    [
        "delete from crm.orders",
        "select 1; select 2",
        "create table x as select 1",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from crm.orders, read_text('x')",
        "select * from range(1000000000)",
        "select * from generate_series(1, 10)",
        "select unnest([1, 2])",
        "select * from unnest([1, 2])",
        "select * from lateral (select 1)",
        "with recursive r as (select 1 as n union all select n + 1 from r) select * from r",
        "with x as (delete from crm.orders returning *) select * from x",
        "select getenv('HOME')",
        "select now()",
        "select random()",
        "select columns('a') from crm.orders",
        "select * exclude (id) from crm.orders",
        "select * replace (1 as id) from crm.orders",
        "select #1 from crm.orders",
        "select $1",
        "select ?",
        "select id from crm.orders tablesample 10%",
        "select id from crm.orders for update",
        "select id into x from crm.orders",
        "select id from crm.orders limit (select 1)",
        "select id from crm.orders limit 10%",
        "select distinct on (id) * from crm.orders",
        "select id from crm.orders natural join people",
        "select id from crm.orders positional join people",
        "select id from crm.orders asof join people on a > b",
        "select count(*) from crm.orders group by rollup(id)",
        "select sum(total) over w from crm.orders window w as (order by id)",
        "select upper(customer) over () from crm.orders",
        "select lag(id, 1) ignore nulls over (order by id) from crm.orders",
        "select id from a.b.c.d",
        "select id from crm.orders at (version => 1)",
        "pivot crm.orders on customer using sum(total)",
        "unpivot crm.orders on id into name n value v",
        "describe crm.orders",
        "show tables",
        "values (1)",
        "from crm.orders select (select read_text('/etc/passwd'))",
        "select " + "(" * 100 + "1" + ")" * 100,
        "select 1 " + "union all select 1 " * 500,
    ],
)
def test_cte__of_anything_else__is_refused(sql: str) -> None:
    with pytest.raises(Invalid) as caught:
        describe_cte("it", ctes={"it": sql}, inputs=INPUTS)

    assert caught.value.code in {
        *(
            "EXPRESSION_NOT_ALLOWED",
            "EXPRESSION_INVALID",
            "UNKNOWN_FUNCTION",
            "UNKNOWN_INPUT",
            "UNKNOWN_COLUMN",
        ),
    }


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select id from crm.orders order by 1 > 0 limit 2", [("1",), ("2",)]),
        ("select customer, id from crm.orders order by customer limit 1", [("a", "1")]),
        ("select * from crm.orders order by customer limit 1 offset 1", [("2", "a", "20.0", "2024-01-02")]),
        ("select distinct customer from crm.orders order by 1 > 0 limit 1", [("a",)]),
        (
            "select customer from crm.orders union all select name from people order by 1 > 0 limit 1",
            [("Ada",)],
        ),
        (
            "with two as (select id, customer from crm.orders order by customer limit 2) select max(id) from two",
            [("2",)],
        ),
        (
            "select id, row_number() over (order by customer) from crm.orders",
            [("1", "1"), ("2", "2"), ("3", "3")],
        ),
        ("select id, lag(id) over (order by 1) from crm.orders", [("1", None), ("2", "1"), ("3", "2")]),
        (
            "select customer, row_number() over (order by 1) from crm.orders group by 1",
            [("a", "1"), ("b", "2")],
        ),
        (
            "select id, sum(id) over (order by customer rows unbounded preceding) from crm.orders",
            [("1", "1"), ("2", "3"), ("3", "6")],
        ),
        ("select id, rank() over (order by customer) from crm.orders", [("1", "1"), ("2", "1"), ("3", "3")]),
    ],
)
def test_cte__whose_order_leaves_rows_equal__still_has_one_result(
    sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert sorted(run(sql), key=str) == rows


@pytest.mark.parametrize(
    "sql",
    [
        "select id from crm.orders limit 1",
        "select id from crm.orders offset 1",
        "select id from (select id from crm.orders limit 1) as o",
        "select id from crm.orders union all select 1 limit 1",
        "select row_number() over () from crm.orders",
        "select lag(id) over (partition by customer) from crm.orders",
        "select sum(id) over (rows 1 preceding) from crm.orders",
        "select id from crm.orders o where exists (select 1 from people p where p.id = o.customer order by 1 limit 1)",
        "select customer, row_number() over (order by 1) from crm.orders group by all",
        *(
            f"select {name} from crm.orders"
            for name in ("current_date", "localtime", '"current_time"', "user")
        ),
    ],
)
def test_cte__whose_rows_would_differ_between_runs__is_refused(sql: str) -> None:
    with pytest.raises(Invalid) as caught:
        run(sql)
    assert caught.value.code == "EXPRESSION_NOT_ALLOWED"


def test_cte__with_a_column_named_like_a_function__is_read_by_its_alias() -> None:
    inputs = {"source:crm:log": shape({"user": "VARCHAR", "current_date": "DATE"})}
    (user, day) = describe_cte(
        "it", ctes={"it": "select l.user, l.current_date from crm.log as l"}, inputs=inputs
    )
    assert (user.type, day.type) == ("VARCHAR", "DATE")


def test_cte__unknown_column__says_which_cte() -> None:
    with pytest.raises(Invalid) as caught:
        describe_cte("it", ctes={"it": "select nope from crm.orders"}, inputs=INPUTS)

    assert caught.value.code == "UNKNOWN_COLUMN"
    assert caught.value.message.startswith("In the CTE `it`:")
    assert "nope" in caught.value.message


def test_cte__unknown_table__is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        describe_cte("it", ctes={"it": "select 1 from crm.nope"}, inputs=INPUTS)

    assert caught.value.code == "UNKNOWN_INPUT"


def test_cte__columns__have_the_types_that_duckdb_gives_them() -> None:
    found = describe_cte(
        "it", ctes={"it": "select id, sum(total) as s from crm.orders group by id"}, inputs=INPUTS
    )

    assert [(column.name, column.type) for column in found] == [("id", "BIGINT"), ("s", "DOUBLE")]


def test_cte__cycle__is_named() -> None:
    ctes = {"a": "select * from b", "b": "select * from C", "c": "select * from a"}

    with pytest.raises(Invalid) as caught:
        reads_of_cte("b", ctes)

    assert caught.value.code == "CTE_CYCLE"
    assert "b → c → a → b" in caught.value.message


def test_cte__that_reads_itself__is_a_cycle() -> None:
    with pytest.raises(Invalid) as caught:
        reads_of_cte("a", {"a": "select * from a"})

    assert caught.value.code == "CTE_CYCLE"


def test_cte__of_its_own_with__is_no_cycle() -> None:
    assert reads_of_cte("a", {"a": "with a as (select * from crm.orders) select * from a"}) == (
        Read("source:crm:orders", source="crm", table="orders"),
    )


def test_mapping__unknown_cte__is_refused() -> None:
    document = mapping({"x": "o.id"}, inputs=[{"alias": "o", "cte": "nope"}])
    (fault,) = faults_of(document, table("x string"), {})

    assert (fault.field, fault.code) == ("inputs[0]", "UNKNOWN_CTE")


def test_reads__names_with_any_character__never_meet() -> None:
    ctes = {"a": 'select 1 from "x:y"."z" cross join "x"."y:z" cross join people'}

    assert len({read.relation for read in reads_of_cte("a", ctes)}) == 3


def test_reads__of_a_mapping__are_its_inputs_and_what_ctes_read() -> None:
    document = mapping(
        {"x": "c.id"},
        inputs=[
            {"alias": "c", "source": "crm", "table": "contacts"},
            {"alias": "t", "target": "orders"},
            {"alias": "o", "cte": "it"},
        ],
    )

    assert required_reads(document, ctes={"it": "select * from crm.orders"}) == (
        Read("c", source="crm", table="contacts"),
        Read("t", target="orders"),
        Read("source:crm:orders", source="crm", table="orders"),
    )
