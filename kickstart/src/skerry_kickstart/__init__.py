"""Reads a kickstart file and prints it as JSON (a program under GPL-2.0-only, apart from Skerry)."""
