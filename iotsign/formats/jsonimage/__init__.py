"""jsonimage."""
