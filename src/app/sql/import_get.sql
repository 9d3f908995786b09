-- $1 tenant, $2 id, $3 now. Columns: request.
SELECT request FROM app_imports WHERE tenant_id = $1 AND id = $2 AND expires_ms > $3
