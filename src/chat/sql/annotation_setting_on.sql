-- Switches on with a model, unless somebody asked for something else since this job.
-- id, tenant, app, threshold, provider, model, account, now, job
INSERT INTO annotation_settings (app_id, tenant_id, id, enabled, score_threshold, provider, model,
  version, account_id, created_ms, updated_ms)
SELECT $3, $2, $1, 1, CAST($4 AS DOUBLE PRECISION), $5, $6, 1, $7, CAST($8 AS BIGINT),
  CAST($8 AS BIGINT)
WHERE $9 = (SELECT j.id FROM annotation_jobs j WHERE j.tenant_id = $2 AND j.app_id = $3
  AND j.kind <> 'import' ORDER BY j.created_ms DESC, j.id DESC LIMIT 1)
ON CONFLICT (app_id) DO UPDATE SET enabled = 1, score_threshold = excluded.score_threshold,
  provider = excluded.provider, model = excluded.model, account_id = excluded.account_id,
  version = annotation_settings.version + 1, updated_ms = excluded.updated_ms
WHERE annotation_settings.tenant_id = excluded.tenant_id
