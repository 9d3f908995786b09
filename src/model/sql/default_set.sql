-- SPDX-License-Identifier: Apache-2.0
-- $1 tenant_id, $2 type, $3 provider, $4 name
INSERT INTO model_defaults (tenant_id, type, provider, name) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, type) DO UPDATE SET provider = excluded.provider, name = excluded.name
