"""Benchmarks: how fast and how right the hub is, next to others on the same machine.

callback    requests a second, latency and instructions of WeChat's pushes, and the peers'
jobs        background jobs a second from row to worker and back, and bare Dramatiq's

`python -m bench` runs them all and writes a report under `var/bench`.
"""
