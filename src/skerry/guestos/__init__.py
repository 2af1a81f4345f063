"""Guest OS definitions as Ganeti knows them: our own, which any Ganeti can run, and everybody's, which we run."""
