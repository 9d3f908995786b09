-- Imports of a workspace that go on. tenant, begun after
SELECT count(*) FROM annotation_jobs
WHERE tenant_id = $1 AND kind = 'import' AND created_ms > $2
  AND status IN ('waiting', 'processing')
