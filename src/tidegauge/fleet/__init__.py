"""All hosts whose agents' series meet in one Prometheus-compatible server, asked of it."""
