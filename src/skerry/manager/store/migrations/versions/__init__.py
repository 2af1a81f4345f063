"""One step a file. Steps only add (expand); what nothing uses any more goes in a later release (contract)."""
