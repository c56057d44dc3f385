"""What the program survives: each fault is drawn from a seed, and each run has an end."""
