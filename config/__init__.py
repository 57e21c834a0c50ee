"""What every package builds on: settings, database, cache, jobs, audit, permissions, errors.

Imports no other package of ours; a convention test holds that.
"""
