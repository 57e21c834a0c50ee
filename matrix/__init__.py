"""The matrix: every official account of the city's departments, and what they send and hear."""
