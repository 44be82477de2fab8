"""What Tidegauge needs, tried out one by one: what is missing, what that costs, how to mend it."""
