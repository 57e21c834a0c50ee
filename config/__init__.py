"""What every package builds on: settings, database, cache, jobs, audit, permissions, errors.

Imports no other package of ours; a convention test holds that.
"""

import sys
from decimal import Decimal
from types import ModuleType

# openpyxl imports numpy wherever it is installed, only to know numpy's numbers in a cell. None of
# ours are, and 16 MB in every process are not worth it: this stands in for the module that does so.
_numbers = ModuleType("openpyxl.compat.numbers")
vars(_numbers).update(NUMPY=False, NUMERIC_TYPES=(int, float, Decimal))
sys.modules.setdefault(_numbers.__name__, _numbers)
