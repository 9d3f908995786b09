-- Questions without a vector of this model, oldest first. tenant, app, model, after this time and id,
-- at most
SELECT a.id, a.question, a.revision, a.created_ms
FROM annotations a
WHERE a.tenant_id = $1 AND a.app_id = $2 AND NOT EXISTS (SELECT 1 FROM annotation_vectors v
  WHERE v.annotation_id = a.id AND v.model = $3)
  AND (a.created_ms > $4 OR (a.created_ms = $4 AND a.id > $5))
ORDER BY a.created_ms, a.id
LIMIT $6
