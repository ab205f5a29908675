"""What a data engineer writes for the demonstration: mappings, a pipeline, an audience, an alert rule."""

from typing import Any

SOURCES: dict[str, tuple[str, ...]] = {
    "transactions": ("transactions",),
    "households": ("demographics",),
    "products": ("products",),
    "campaigns": ("campaigns", "campaign_descriptions", "coupon_redemptions"),
}

# What this retailer knows of its customers; the rest of the template's columns it does not have.
NOT_KEPT = {"customers": ("email", "phone", "full_name", "country")}


def _direct(source: str) -> dict[str, Any]:
    return {"type": "direct", "source": source}


def _money(source: str) -> dict[str, Any]:
    return {"type": "decorated", "source": source, "decorators": [{"name": "round", "digits": 2}]}


def _sum(expression: str) -> dict[str, Any]:
    return {"type": "aggregate", "expression": expression}


CUSTOMERS: dict[str, Any] = {
    "table_name": "customers",
    "inputs": [
        {"alias": "t", "source": "transactions", "table": "transactions"},
        {"alias": "h", "source": "households", "table": "demographics"},
    ],
    "joins": [{"left": "t", "right": "h", "type": "left", "on": [["household_id", "household_id"]]}],
    "group_by": ["t.household_id", "h.age", "h.income", "h.household_size"],
    "fields": {
        "customer_id": _direct("t.household_id"),
        "age_band": _direct("h.age"),
        "income_band": _direct("h.income"),
        "household_size": _direct("h.household_size"),
        "first_order_at": _sum("min(t.transaction_timestamp)"),
        "last_order_at": _sum("max(t.transaction_timestamp)"),
        "order_count": _sum("count(DISTINCT t.basket_id)"),
        "lifetime_value": _sum("round(sum(t.sales_value), 2)"),
    },
}

PRODUCTS: dict[str, Any] = {
    "table_name": "products",
    "inputs": [{"alias": "p", "source": "products", "table": "products"}],
    "fields": {
        "product_id": _direct("p.product_id"),
        "department": {
            "type": "decorated",
            "source": "p.department",
            "decorators": [{"name": "collapse_whitespace"}, {"name": "title"}],
        },
        "category": {
            "type": "decorated",
            "source": "p.product_category",
            "decorators": [{"name": "collapse_whitespace"}, {"name": "title"}],
        },
        "product_type": _direct("p.product_type"),
        "brand": _direct("p.brand"),
        "package_size": {
            "type": "decorated",
            "source": "p.package_size",
            "decorators": [{"name": "empty_to_null"}],
        },
    },
}

# The mended mapping: a product without a category gets one that says so, instead of being rejected.
CATEGORY_WITH_DEFAULT: dict[str, Any] = {
    "type": "decorated",
    "source": "p.product_category",
    "decorators": [
        {"name": "collapse_whitespace"},
        {"name": "title"},
        {"name": "default", "value": "Not Categorised"},
    ],
}

ORDER_LINES: dict[str, Any] = {
    "table_name": "order_lines",
    "inputs": [
        {"alias": "t", "source": "transactions", "table": "transactions"},
        {"alias": "p", "target": "products"},
    ],
    "joins": [{"left": "t", "right": "p", "type": "inner", "on": [["product_id", "product_id"]]}],
    "filter": "t.quantity > 0",
    "fields": {
        "order_id": _direct("t.basket_id"),
        "product_id": _direct("t.product_id"),
        "customer_id": _direct("t.household_id"),
        "store_id": _direct("t.store_id"),
        "ordered_at": _direct("t.transaction_timestamp"),
        "quantity": _direct("t.quantity"),
        "amount": _money("t.sales_value"),
        "discount": _money("t.retail_disc"),
        "coupon_discount": {
            "type": "expression",
            "expression": "round(t.coupon_disc + t.coupon_match_disc, 2)",
        },
        "department": _direct("p.department"),
        "category": _direct("p.category"),
    },
}

CAMPAIGNS: dict[str, Any] = {
    "table_name": "campaigns",
    "inputs": [
        {"alias": "d", "source": "campaigns", "table": "campaign_descriptions"},
        {"alias": "c", "source": "campaigns", "table": "campaigns"},
    ],
    "joins": [{"left": "d", "right": "c", "type": "left", "on": [["campaign_id", "campaign_id"]]}],
    "group_by": ["d.campaign_id", "d.campaign_type", "d.start_date", "d.end_date"],
    "fields": {
        "campaign_id": _direct("d.campaign_id"),
        "name": {"type": "expression", "expression": "concat('Campaign ', d.campaign_id)"},
        "kind": _direct("d.campaign_type"),
        "starts_on": _direct("d.start_date"),
        "ends_on": _direct("d.end_date"),
        "reached": _sum("count(c.household_id)"),
    },
}

COUPON_REDEMPTIONS: dict[str, Any] = {
    "table_name": "coupon_redemptions",
    "inputs": [{"alias": "r", "source": "campaigns", "table": "coupon_redemptions"}],
    "fields": {
        "customer_id": _direct("r.household_id"),
        "coupon_id": _direct("r.coupon_upc"),
        "campaign_id": _direct("r.campaign_id"),
        "redeemed_on": _direct("r.redemption_date"),
    },
}

MAPPINGS = (CUSTOMERS, PRODUCTS, ORDER_LINES, CAMPAIGNS, COUPON_REDEMPTIONS)

PIPELINE: dict[str, Any] = {
    "name": "nightly",
    "tables": [mapping["table_name"] for mapping in MAPPINGS],
    "schedule": {"cron": "0 2 * * *", "timezone": "America/New_York"},
    "max_rejected": {"share": 0.05},
}

# Who spent much and has not bought since November began. The year ends with December.
AUDIENCE: dict[str, Any] = {
    "name": "big spenders who stopped buying",
    "table": "customers",
    "key": "customer_id",
    "rule": {
        "all": [
            {"field": "lifetime_value", "op": "gte", "value": 1000},
            {
                "not": {
                    "related": "order_lines",
                    "via": "customer_id",
                    "where": {"all": [{"field": "ordered_at", "op": "gte", "value": "2017-11-01T00:00:00"}]},
                }
            },
        ]
    },
    "refresh": {"after": ["customers", "order_lines"]},
}

ALERT_RULE: dict[str, Any] = {
    "name": "too many products rejected",
    "kind": "threshold",
    "measure": "rejected_share",
    "table": "products",
    "op": "gt",
    "value": 0.005,
    "severity": "critical",
}

QUESTIONS: dict[str, str] = {
    "Revenue by month": (
        "SELECT date_trunc('month', ordered_at) AS month, sum(amount) AS revenue, count(DISTINCT order_id) AS orders "
        "FROM order_lines WHERE ordered_at < TIMESTAMP '2018-01-01' GROUP BY month ORDER BY month"
    ),
    "Top categories": (
        "SELECT category, sum(amount) AS revenue FROM order_lines GROUP BY category ORDER BY revenue DESC LIMIT 8"
    ),
    "Coupon use by campaign": (
        "SELECT c.name, c.kind, c.reached, count(*) AS redeemed, count(DISTINCT r.customer_id) AS customers "
        "FROM coupon_redemptions r JOIN campaigns c USING (campaign_id) "
        "GROUP BY ALL ORDER BY redeemed DESC, c.name LIMIT 8"
    ),
}
