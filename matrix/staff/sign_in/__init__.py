"""How staff prove who they are: passwords, second factors, links, sessions, the throttle."""
