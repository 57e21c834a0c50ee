"""Media: our own pictures, voice files and videos, and their media ids at each account.

    files          MediaFile: a file with a unique name, of a department or of the whole city
    uploads        MediaUpload: the file's media id at one account, valid for three days
    management     what staff upload, change and delete, and who may use a file
    images, audio_video    make an uploaded file harmless

A media id belongs to one account and expires. Rules therefore name a file, and the reply takes the
media id of the account that answers.
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
    DueUpload,
    MediaJob,
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
    "AccountUpload",
    "DueUpload",
    "Kind",
    "MediaFile",
    "MediaJob",
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
