"""Stand-ins for what no real engine can be made to do: garbage, stalls, broken connections."""
