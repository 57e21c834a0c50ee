"""The server side of the platform: the calls an account's server makes, family by family.

    door          who asks, may they, how often, what goes wrong on purpose; then the family's verb
    credentials custom media menus users tags qrcodes notices openapi       one family each

A family is a module with a tuple `CALLS` at its end. Drafts, publishing, mass sending and the
third-party platform are further families, added to the door's list.
"""
