"""One module for each way to install packages."""
