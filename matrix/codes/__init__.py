"""Codes: QR codes with a scene, and how often they are scanned.

    Account 1 ──< n Code ──< n Scans (one local day)

Who scans one sends us its scene; a rule that listens to the scene answers.
"""

from matrix.codes.scans import COUNT, Listed, Scans, codes_for_staff, count, scans_for_staff
from matrix.codes.scenes import (
    LONGEST_NAME,
    MAKE,
    MOST_DAYS,
    MOST_PERMANENT,
    Code,
    CodeChanged,
    CodesNotGranted,
    CodesUsedUp,
    State,
    Wish,
    access_code,
    bring_back,
    create,
    delayed,
    get,
    made,
    refused,
    rename,
    renew,
    retire,
)

__all__ = [
    "COUNT",
    "LONGEST_NAME",
    "MAKE",
    "MOST_DAYS",
    "MOST_PERMANENT",
    "Code",
    "CodeChanged",
    "CodesNotGranted",
    "CodesUsedUp",
    "Listed",
    "Scans",
    "State",
    "Wish",
    "access_code",
    "bring_back",
    "codes_for_staff",
    "count",
    "create",
    "delayed",
    "get",
    "made",
    "refused",
    "rename",
    "renew",
    "retire",
    "scans_for_staff",
]
