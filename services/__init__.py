"""Services: what citizens can get done, from the guide to the finished case."""
