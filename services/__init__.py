"""The services: what a citizen can get done, from the guide to the finished case."""
