"""Media: our own pictures, sounds and films, and their names at each account.

    files        File: by name, of a department or the whole city
    uploads      File 1 ──< n Upload (account, media id, three days)
    library      what staff send and who may use it
    pictures, recordings     a stranger's bytes made harmless

A media id belongs to one account and lapses, so rules name a File, and the answer takes the
account's own id for it.
"""

from matrix.media.files import (
    CACHE_KEY,
    MAX_BYTES,
    MediaFile,
    detect_mime,
    find_by_name,
    get_content,
    save,
)
from matrix.media.management import (
    AccountUpload,
    MediaFileChanged,
    MediaListItem,
    SanitizedFile,
    access_file,
    access_usable_file,
    create,
    delete_file,
    list_for_staff,
    names_for_staff,
    owners_for_staff,
    replace,
    sanitize,
    uploads_for_staff,
)
from matrix.media.uploads import (
    RENEW_BEFORE,
    UPLOAD,
    DueUpload,
    MediaUpload,
    list_due_uploads,
    media_ids,
    record_upload,
    request_upload,
)
from matrix.wechat.gateway import MediaKind as Kind

__all__ = [
    "CACHE_KEY",
    "MAX_BYTES",
    "RENEW_BEFORE",
    "UPLOAD",
    "AccountUpload",
    "DueUpload",
    "Kind",
    "MediaFile",
    "MediaFileChanged",
    "MediaListItem",
    "MediaUpload",
    "SanitizedFile",
    "access_file",
    "access_usable_file",
    "create",
    "delete_file",
    "detect_mime",
    "find_by_name",
    "get_content",
    "list_due_uploads",
    "list_for_staff",
    "media_ids",
    "names_for_staff",
    "owners_for_staff",
    "record_upload",
    "replace",
    "request_upload",
    "sanitize",
    "save",
    "uploads_for_staff",
]
