"""Staff: who signs in to the console, and what they may do where.

    roles            a role is a bundle of permissions, named as the city's rules name the offices
    members          Staff: a person with a sign-in name, in a department
    grants           a role, in a department's subtree, at one account or in the whole city
    passwords        argon2id, strength, history, age
    two_factor       TOTP codes and recovery codes
    one_time_links   the first administrator, an invitation, a password reset
    sessions         sign-ins kept on the server, with idle and absolute limits
    throttle         failed sign-ins, counted in the database
    ip_allowlist     from which networks a role may be used
    authentication   signing in; joins the modules above
    directory        lists of people, and the places a role can be given in
    administration   what an administrator does to other people's access; joins all of them

Imports go one way: roles, then members, then grants and the modules about one means of signing in,
then authentication, then administration.
"""
