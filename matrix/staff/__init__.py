"""Staff: who signs in to the console, and what they may do where.

roles      a role is a bundle of rights; the office names of the ordinance
people     Staff: a person with a sign-in name, in a department; add, disable, off-board
grants     a role, given in a department's subtree, at one account or in the whole city
passwords  argon2id, strength, history, age
factors    the second factor: TOTP once per step, recovery codes once each
links      one-time links: the first administrator, an invitation, a reset
sessions   sign-ins kept on the server: idle and absolute limits, listed and ended
throttle   failures counted in the database, so that they count with Redis away
networks   from which networks a role works
signing    signing in, joined from the above
directory  who there is, to look through
managing   what an administrator does to other people's access, joined from the above

roles <─ people <─ grants, passwords, factors, links, sessions, networks <─ signing <─ managing
"""
