"""Grafana dashboards, made of the catalogue: which panels there are, and each backend's queries."""
