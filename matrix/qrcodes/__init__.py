"""QR codes with a scene, and how often each was scanned (wechat-platform.md 9.2).

Scanning one opens the account's chat and sends us its scene; a rule that listens to the scene
answers.
"""

from matrix.qrcodes.codes import (
    MAX_DAYS,
    MAX_NAME_LENGTH,
    MAX_PERMANENT,
    QrCodeJob,
    QrCodeLimitReached,
    QrCodesNotAvailable,
    QrCodeSpec,
    QrCodeState,
    SceneQrCode,
    access_qrcode,
    create,
    get,
    mark_failed,
    mark_ready,
    record_delay,
    rename,
    renew,
    restore,
    retire,
)
from matrix.qrcodes.scan_counts import (
    QrCodeListItem,
    QrCodeScans,
    count_scans,
    list_for_staff,
    scans_for_staff,
)

__all__ = [
    "MAX_DAYS",
    "MAX_NAME_LENGTH",
    "MAX_PERMANENT",
    "QrCodeJob",
    "QrCodeLimitReached",
    "QrCodeListItem",
    "QrCodeScans",
    "QrCodeSpec",
    "QrCodeState",
    "QrCodesNotAvailable",
    "SceneQrCode",
    "access_qrcode",
    "count_scans",
    "create",
    "get",
    "list_for_staff",
    "mark_failed",
    "mark_ready",
    "record_delay",
    "rename",
    "renew",
    "restore",
    "retire",
    "scans_for_staff",
]
