"""The ground: settings, database, cache, jobs, audit, clock, errors. Imports no other room."""
