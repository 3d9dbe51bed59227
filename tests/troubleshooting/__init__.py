"""Each entry of the pages that people open when something fails is brought about with the real program."""
