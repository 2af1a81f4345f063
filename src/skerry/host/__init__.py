"""The agent on a hypervisor: owns its libvirt connection and offers operations on the link."""
