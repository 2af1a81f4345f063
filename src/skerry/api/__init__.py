"""The REST API: thin routes that parse, call manager services, and answer."""
