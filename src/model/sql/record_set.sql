-- SPDX-License-Identifier: Apache-2.0
-- Creates a model or replaces what it says; the id and the creation time of the first stay.
-- $1 id, $2 tenant_id, $3 provider, $4 name, $5 type, $6 base_url, $7 key_sealed, $8 key_hint,
-- $9 settings, $10 now_ms
-- -> id
INSERT INTO model_records (id, tenant_id, provider, name, type, base_url, key_sealed, key_hint,
	settings, enabled, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
ON CONFLICT (tenant_id, provider, name, type) DO UPDATE SET
	base_url = excluded.base_url,
	key_sealed = excluded.key_sealed,
	key_hint = excluded.key_hint,
	settings = excluded.settings,
	enabled = 1,
	updated_ms = excluded.updated_ms
RETURNING id
