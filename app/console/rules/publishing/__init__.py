"""Pages on the way of a rule to citizens: submit, review, publish, and a department's policy."""
