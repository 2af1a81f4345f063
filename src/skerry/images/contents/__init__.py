"""What is in a root: its tree of files, and the packages that its databases name."""
