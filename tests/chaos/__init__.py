"""What the service does to people who use it while something breaks; docs/reliability.md has the results."""
