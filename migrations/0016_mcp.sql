-- SPDX-License-Identifier: Apache-2.0
-- Servers of the Model Context Protocol. sealed holds address and headers; tools is what the server
-- told when it was last asked.
CREATE TABLE tool_mcps (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  identifier TEXT NOT NULL,
  icon TEXT NOT NULL,
  sealed TEXT NOT NULL,
  settings TEXT NOT NULL,
  tools TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (tenant_id, name),
  UNIQUE (tenant_id, identifier)
);
