-- SPDX-License-Identifier: Apache-2.0
-- $1 tenant_id, $2 type
DELETE FROM model_defaults WHERE tenant_id = $1 AND type = $2
