"""What the service does to people who use it while something breaks; results.md has the results."""
