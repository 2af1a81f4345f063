"""What a host can do: one module a capability, one function an operation."""
