"""Benchmarks: speed and keyword quality of the hub, beside peers on the same machine.

    callback   requests per second, latency and instructions of WeChat's pushes; the peers' too
    matching   cost of a message as the number of keywords grows; the usual libraries' too
    quality    how often the demo rules answer labelled messages correctly
    jobs       background jobs per second from row to worker and back; bare Dramatiq's too
    pages      server time and queries of the console's pages in a large city

`python -m bench` runs them all and writes a report under `var/bench`.
"""
