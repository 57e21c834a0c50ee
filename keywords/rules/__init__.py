"""Rules: their values, tables and inheritance. Imports `language`; knows no matching.

values, replies, schedule (a rule in memory), spec (what a person writes, checked), store (the
table), versions (the table of versions), inheritance (which accounts have a rule), default_replies
and review_policies (settings of departments), listing and media_references (queries), rule_imports
(uploaded files).
"""
