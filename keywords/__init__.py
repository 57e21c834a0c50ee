"""Keywords: what a citizen's message is about, and which rule answers it."""
