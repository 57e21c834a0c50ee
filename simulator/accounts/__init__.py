"""Official accounts and what belongs to one: followers, tags, tokens, call quotas."""
