"""The way of a rule to citizens: draft, review, publication. Imports `matching` and below.

workflow (steps of a version), lifecycle (disable, enable, delete), bulk_create (many drafts at
once), diff (two texts of a rule), what_if, sample_checks and conflicts (what a change would do).
"""
