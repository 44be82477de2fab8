"""Real servers for tests: a Docker Engine, Graphite and StatsD, each started and ended here.

Every class says by `missing()` what this machine lacks to run it, starts in its constructor or
raises, and leaves nothing behind after `stop()`.
"""
