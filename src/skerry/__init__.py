"""Skerry: bare machines become a private cloud."""
