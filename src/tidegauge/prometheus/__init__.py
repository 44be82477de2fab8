"""What Prometheus reads: its names for our metrics, and the pages it scrapes."""
