"""Staff: who works here, what each may do where, and how they sign in.

people    the list, a person's page, adding and changing
access    links, locks, sign-ins, second factor, disabling
roles     granting and revoking; the matrix of rights
leaving   off-boarding
policy    from which networks a role works; the rules of signing in
"""

from app.console.staff import credentials, members, offboarding, roles, sign_in_policy
from app.console.staff.blueprint import blueprint

__all__ = ["blueprint", "credentials", "members", "offboarding", "roles", "sign_in_policy"]
