"""A package, because what is opened for it is closed behind it: pytest knows no other folders of that kind."""
