-- $1 id, $2 now, $3 only when the last use is older than this.
UPDATE api_keys SET last_used_ms = $2
WHERE id = $1 AND (last_used_ms IS NULL OR last_used_ms < $3)
