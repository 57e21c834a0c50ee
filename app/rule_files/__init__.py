"""Exchange: rules as files that staff write at their desks, in and out of the console.

    upload ── files (bounds, bombs) ──┬── workbooks ─> rows ── columns ┐
                                      └── YAML ────> records ──────────┴─> Line ── checking ─> Plan
    rules a member may read ── sheets / as_yaml ─> download

Every line of a file is checked the way the console checks a form; all that is wrong is told in
one list, and nothing is changed as long as anything is. What is right becomes draft versions.
"""
