-- Running runs of a workspace that other processes hold.
-- $1 tenant, $2 own owner name
-- columns: count
SELECT count(*) FROM flow_runs WHERE status = 'running' AND tenant_id = $1 AND lease_owner <> $2
