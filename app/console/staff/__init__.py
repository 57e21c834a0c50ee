"""The pages of staff: who works here, what each may do where, and how they sign in.

blueprint       the blueprint, and what its pages share
members         the list, one person, creating and editing
credentials     one-time links, locks, sessions, second factor, disabling
roles           granting and revoking roles; the table of permissions
offboarding     what is to be done when somebody leaves
sign_in_policy  the rules of signing in, and the networks from which a role works
"""

from app.console.staff import credentials, members, offboarding, roles, sign_in_policy
from app.console.staff.blueprint import blueprint

__all__ = ["blueprint", "credentials", "members", "offboarding", "roles", "sign_in_policy"]
