-- tenant, app, id, question, content, now
UPDATE annotations SET revision = revision + CASE WHEN question <> $4 THEN 1 ELSE 0 END,
  question = $4, content = $5, updated_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
