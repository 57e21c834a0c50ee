"""The HTTP API that accounts' servers call, one module for each group of calls.

    dispatch   authentication, permission, quota and faults of every call; then the call itself
    credentials customer_service media menus users qrcodes template_messages diagnostics

Each group ends with a tuple `ROUTES` of its routes, which `dispatch` collects. Drafts, publishing,
mass sending and the third-party platform will be further groups.
"""
