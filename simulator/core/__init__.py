"""Mechanisms of the simulator: clock, storage, faults, limits, request log, change signal."""
