"""The libvirt connection, domain XML, events, the accelerator probe."""
