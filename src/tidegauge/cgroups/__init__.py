"""The cgroup files and network counters of containers on this machine, read as frames."""
