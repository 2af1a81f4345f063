"""Where disk images live: one driver a file behind one small Protocol."""
