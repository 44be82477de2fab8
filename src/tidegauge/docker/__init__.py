"""The Engine API: which containers there are, and their live samples. Knows nothing of metrics."""
