"""Rule files: rules as Excel or YAML, into the console and out of it.

    upload ──┬── xlsx_reader ─> cells ── row_mapping ┐
             └── app.content ─> records ─────────────┴─> ParsedRule ── import_plan ─> ImportPlan
    rules a staff member may read ── exports ─> download

Every line of a file is checked the way the console checks a form. All that is wrong is listed, and
nothing is changed as long as anything is wrong. What is right becomes draft versions.
"""
