"""The live view in a terminal: where its states come from, what of them it shows, and how."""
