"""Which chart fits an answer."""

from typing import Any

from datalinx.console.charts import MOST_BARS, Chart, choose_chart


def _columns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in pairs]


def _chart(columns: list[dict[str, str]], rows: list[list[Any]]) -> Chart:
    chart = choose_chart(columns, rows)
    assert chart is not None
    return chart


def test_chart__of_a_date_and_numbers__is_lines() -> None:
    columns = _columns(("day", "DATE"), ("revenue", "DECIMAL(38,2)"), ("orders", "BIGINT"))
    chart = _chart(columns, [["2024-01-02", "10.50", 3], ["2024-01-01", "7.00", 2]])
    assert chart.title == "revenue, orders by day"
    assert [name for _, name in chart.names] == ["revenue", "orders"]
    assert chart.lines is not None
    # In the order of time, whatever the order of the rows.
    assert chart.lines.index("2024-01-01") < chart.lines.index("2024-01-02")


def test_chart__of_a_year_as_a_number__is_lines() -> None:
    chart = _chart(_columns(("year", "INTEGER"), ("people", "BIGINT")), [[2024, 5], [2009, 3]])
    assert chart.lines is not None
    assert chart.lines.index(">2009<") < chart.lines.index(">2024<")


def test_chart__of_a_name_and_a_number__is_bars_in_the_order_of_the_rows() -> None:
    chart = _chart(
        _columns(("channel", "VARCHAR"), ("orders", "BIGINT")), [["web", 9], ["shop", 12], [None, 1]]
    )
    assert [(label, value) for label, value, _ in chart.bars] == [("web", 9), ("shop", 12), ("(none)", 1)]


def test_chart__of_a_moment_that_stands_twice__is_bars() -> None:
    columns = _columns(("day", "DATE"), ("orders", "BIGINT"))
    assert choose_chart(columns, [["2024-01-01", 1], ["2024-01-01", 2]]) is None
    named = _columns(("day", "DATE"), ("channel", "VARCHAR"), ("orders", "BIGINT"))
    assert _chart(named, [["2024-01-01", "web", 1], ["2024-01-01", "shop", 2]]).bars


def test_chart__of_many_names__says_how_many_it_leaves_out() -> None:
    rows = [[f"c{number}", number] for number in range(MOST_BARS + 5)]
    chart = _chart(_columns(("city", "VARCHAR"), ("people", "BIGINT")), rows)
    assert (len(chart.bars), chart.left_out) == (MOST_BARS, 5)


def test_chart__where_none_fits__is_none() -> None:
    assert choose_chart(_columns(("name", "VARCHAR"), ("city", "VARCHAR")), [["a", "b"], ["c", "d"]]) is None
    assert choose_chart(_columns(("n", "BIGINT")), [[1], [2]]) is None
    assert choose_chart(_columns(("city", "VARCHAR"), ("n", "BIGINT")), [["a", 1]]) is None
    assert choose_chart(_columns(("a", "BIGINT"), ("b", "BIGINT")), [[1, 2], [3, 4]]) is None


def test_chart__of_values_that_are_no_numbers__draws_the_others() -> None:
    chart = _chart(_columns(("day", "DATE"), ("x", "DOUBLE")), [["2024-01-01", None], ["2024-01-02", 1.0]])
    assert chart.lines is not None
    assert _chart(_columns(("city", "VARCHAR"), ("x", "DOUBLE")), [["a", "NaN"], ["b", 2.0]]).bars[0][1] == 0


def test_chart__of_hostile_names__escapes_them() -> None:
    chart = _chart(_columns(("day", "DATE"), ("<script>", "BIGINT")), [["2024-01-01", 1], ["2024-01-02", 2]])
    assert chart.lines is not None
    assert "<script>" not in chart.lines
