"""What people see in a terminal: tables, and a line of progress."""
