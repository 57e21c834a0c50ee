"""Staff: who works here, what each may do where, and how they sign in.

people    the list, a person's page, adding and changing
access    links, locks, sign-ins, second factor, disabling
roles     granting and revoking; the matrix of rights
leaving   off-boarding
policy    from which networks a role works; the rules of signing in
"""

from app.console.staff import access, leaving, people, policy, roles
from app.console.staff.group import blueprint

__all__ = ["access", "blueprint", "leaving", "people", "policy", "roles"]
