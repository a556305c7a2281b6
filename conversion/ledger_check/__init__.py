"""Whether records, ledger, certificates and daily roots say the same: the checks of `manage.py verify_ledger`.

Written a second time on purpose, from the promises and the tables, with SQL and hashing of its own: nothing here
imports a model, a service or `conversion.certificate_proof`, so a mistake there can't hide itself. Everything is
read as a stream, so memory doesn't grow with the ledger.
"""

from conversion.ledger_check import cases, certificates, entries, roots
from conversion.ledger_check.streams import Difference, snapshot

__all__ = ["CHECKS", "Difference", "differences", "snapshot", "unsealed_days"]

unsealed_days = roots.unsealed_days

CHECKS = {"cases": cases.check, "entries": entries.check, "certificates": certificates.check, "roots": roots.check}


def differences(counts):
    """Yield every `Difference`; `counts` (a dict) gets how many rows of each kind were looked at."""
    for check in CHECKS.values():
        yield from check(counts)
