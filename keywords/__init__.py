"""Keywords: what a citizen's message is about, and which rule answers it.

One of the three rooms; imports only `config`. Its packages form floors, each importing only those
above it in this list:

    language     text and its forms: normalization, phonetics, word lists
    rules        what a rule is, its table and versions, and which accounts have it
    matching     compiled rules, and which of them answers a message
    publishing   drafts, review, publication, and the checks before it
    statistics   hits of rules, and messages that no rule answered

`publishing` and `statistics` stand side by side and do not know each other.
"""
