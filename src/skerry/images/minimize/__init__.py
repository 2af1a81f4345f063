"""Deleting what an image does not need: rules, a check of what is left, the deleting itself."""
