"""`skerry vm`: everything that is done to virtual machines."""
