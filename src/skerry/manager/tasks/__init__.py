"""Durable work: DBOS Transact, and the only place that imports it."""
