"""Media: our own pictures, sounds and films, and their names at each account.

    files        File: by name, of a department or the whole city
    uploads      File 1 ──< n Upload (account, media id, three days)
    library      what staff send and who may use it
    pictures, recordings     a stranger's bytes made harmless

A media id belongs to one account and lapses, so rules name a File, and the answer takes the
account's own id for it.
"""

from matrix.media.files import LIMITS, REVISION, File, by_name, content_of, keep, mime_of
from matrix.media.library import (
    AtAccount,
    Clean,
    FileChanged,
    Listed,
    access_file,
    accounts_of,
    add,
    clean,
    files_for_staff,
    names_for_staff,
    owners_for_staff,
    remove,
    replace,
    usable_file,
)
from matrix.media.uploads import EARLY, UPLOAD, Due, Upload, ask, due, shelf, uploaded
from matrix.wechat.gateway import MediaKind as Kind

__all__ = [
    "EARLY",
    "LIMITS",
    "REVISION",
    "UPLOAD",
    "AtAccount",
    "Clean",
    "Due",
    "File",
    "FileChanged",
    "Kind",
    "Listed",
    "Upload",
    "access_file",
    "accounts_of",
    "add",
    "ask",
    "by_name",
    "clean",
    "content_of",
    "due",
    "files_for_staff",
    "keep",
    "mime_of",
    "names_for_staff",
    "owners_for_staff",
    "remove",
    "replace",
    "shelf",
    "uploaded",
    "usable_file",
]
