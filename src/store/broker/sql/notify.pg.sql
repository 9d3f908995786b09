-- A message to all listeners.
SELECT pg_notify('tatara', $1)
