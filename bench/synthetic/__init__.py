"""A Docker Engine that is made up, in C: thousands of containers for benchmarks and tests."""
