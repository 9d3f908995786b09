-- SPDX-License-Identifier: Apache-2.0
-- $1 tenant_id, $2 id
DELETE FROM model_records WHERE tenant_id = $1 AND id = $2
