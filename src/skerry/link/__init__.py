"""The way between managers and hosts: one port, one adapter a file."""
