-- id, tenant, app, kind, payload, account, total, now
INSERT INTO annotation_jobs (id, tenant_id, app_id, kind, status, error, payload, account_id, done,
  total, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, 'waiting', '', $5, $6, 0, $7, $8, $8)
