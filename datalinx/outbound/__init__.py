"""Calls to the outside: the one HTTP client for addresses that users give.

Such an address may be anything: the cloud's metadata service, a database next door, a name that points there
since a second ago. So every address that a name has is checked, the connection goes to a checked one and to no
other, nothing is followed, and everything has an end: https://owasp.org/www-community/attacks/Server_Side_Request_Forgery
"""

from datalinx.outbound.addresses import check_literal_address
from datalinx.outbound.client import Answer, Outbound

__all__ = ["Answer", "Outbound", "check_literal_address"]
