"""Matching: rules compiled for all accounts, and which of them answers. Imports `rules` and below.

index (finds keywords), matcher (decides between rules), suggestions (when none answers),
emergencies (before any rule), keyword_search (for the editor), ruleset (all of it for the city).
"""
