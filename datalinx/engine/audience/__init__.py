"""Audiences: from a rule to SQL, to counts for every block, to members, changes and the reasons for them."""

from datalinx.engine.audience.check import check_audience
from datalinx.engine.audience.evaluate import (
    AudienceCount,
    Budget,
    Membership,
    changes_table,
    count_audience,
    members_table,
    write_members,
)
from datalinx.engine.audience.explain import Explained, explain_member
from datalinx.engine.audience.rules import (
    CompiledAudience,
    compile_audience,
    referenced_audiences,
    referenced_tables,
)

__all__ = [
    "AudienceCount",
    "Budget",
    "CompiledAudience",
    "Explained",
    "Membership",
    "changes_table",
    "check_audience",
    "compile_audience",
    "count_audience",
    "explain_member",
    "members_table",
    "referenced_audiences",
    "referenced_tables",
    "write_members",
]
