"""The whole program between a real engine and real backends."""
