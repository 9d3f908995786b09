-- SPDX-License-Identifier: Apache-2.0
-- The chosen models of a workspace.
-- $1 tenant_id
-- -> type, provider, name
SELECT type, provider, name FROM model_defaults WHERE tenant_id = $1
