"""One module for each kind of file system that a partition can have."""
