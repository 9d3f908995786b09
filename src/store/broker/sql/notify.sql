-- A message to all listeners. PostgreSQL only: SQLite has sockets for it.
-- $1 payload
SELECT $1
