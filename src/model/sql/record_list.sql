-- SPDX-License-Identifier: Apache-2.0
-- All models of a workspace, oldest first.
-- $1 tenant_id
-- -> id, provider, name, type, base_url, key_sealed, key_hint, settings, enabled, created_ms
SELECT id, provider, name, type, base_url, key_sealed, key_hint, settings, enabled, created_ms
FROM model_records
WHERE tenant_id = $1
ORDER BY created_ms, id
