-- A new job; nothing happens when one with the same key waits already.
-- $1 id, $2 queue, $3 key or NULL, $4 payload, $5 priority, $6 due_at, $7 attempts_max, $8 now
INSERT INTO jobs (id, queue, dedup_key, payload, priority, state, due_at, attempt, attempts_max, enqueued_at)
VALUES ($1, $2, $3, $4, $5, 0, $6, 0, $7, $8)
ON CONFLICT (queue, dedup_key) WHERE state = 0 AND dedup_key IS NOT NULL DO NOTHING
