"""Job names and alert kinds of no noun, for tests of the mechanisms."""

from config.alerts import AlertKind
from config.jobs import JobName


class SampleJob(JobName):
    """Names of jobs that tests register handlers for, or nobody does."""

    WRITE = "ledger.write", "记账"
    CALL = "ledger.call", "打电话"
    HALF = "ledger.half", "记一半"
    EAR = "ledger.ear", "旁听"
    UNKNOWN = "nobodys.job", "无人认领"
    FAIL = "test.fail", "失败"


class SampleAlert(AlertKind):
    """An alert about nothing."""

    BROKEN = "thing.broken", "坏了"
