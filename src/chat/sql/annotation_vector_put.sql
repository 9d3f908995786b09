-- The vector of a question, unless it was changed or removed meanwhile.
-- tenant, app, annotation, revision, model, vector
INSERT INTO annotation_vectors (annotation_id, model, tenant_id, app_id, vector)
SELECT a.id, $5, a.tenant_id, a.app_id, $6
FROM annotations a
WHERE a.tenant_id = $1 AND a.app_id = $2 AND a.id = $3 AND a.revision = $4
ON CONFLICT (annotation_id, model) DO UPDATE SET vector = excluded.vector
