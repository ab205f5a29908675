"""Calls to the outside: the one HTTP client for addresses that users give, and the way to a database at one.

Such an address may be anything: the cloud's metadata service, a database next door, a name that points there
since a second ago. So every address that a name has is checked, the connection goes to a checked one and to no
other, nothing is followed, and everything has an end: https://owasp.org/www-community/attacks/Server_Side_Request_Forgery
"""

from datalinx.outbound.addresses import check_host, check_literal_address
from datalinx.outbound.client import Answer, Outbound
from datalinx.outbound.hosts import reach_host

__all__ = ["Answer", "Outbound", "check_host", "check_literal_address", "reach_host"]
