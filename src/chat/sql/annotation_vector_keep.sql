-- All vectors of an app but those of one model ('' = all), unless another job may be making them.
-- tenant, app, model that stays, job
DELETE FROM annotation_vectors
WHERE tenant_id = $1 AND app_id = $2 AND model <> $3
  AND NOT EXISTS (SELECT 1 FROM annotation_jobs j WHERE j.tenant_id = $1 AND j.app_id = $2
    AND j.kind = 'enable' AND j.status IN ('waiting', 'processing') AND j.id <> $4)
