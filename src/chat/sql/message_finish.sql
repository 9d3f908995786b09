-- The answer; the same again changes nothing. tenant, id, answer, status, error, prompt tokens,
-- answer tokens, price, currency, latency, metadata, now, thoughts
UPDATE messages SET answer = $3, status = $4, error = $5, message_tokens = $6, answer_tokens = $7,
  total_price = $8, currency = $9, latency = $10, metadata = $11, updated_ms = $12,
  thoughts = $13
WHERE tenant_id = $1 AND id = $2
