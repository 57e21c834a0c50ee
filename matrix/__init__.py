"""The matrix: the official accounts of the city's departments, and what they receive and send."""
