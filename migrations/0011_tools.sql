-- Imported APIs. schema is the text that people gave, operations what was read from it, credentials
-- are sealed.
CREATE TABLE tool_apis (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  icon TEXT NOT NULL,
  description TEXT NOT NULL,
  schema_kind TEXT NOT NULL,
  schema_text TEXT NOT NULL,
  operations TEXT NOT NULL,
  credentials TEXT NOT NULL,
  privacy_policy TEXT NOT NULL,
  disclaimer TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (tenant_id, name)
);

-- Workflow apps that may be called as tools: at most one row an app.
CREATE TABLE tool_workflows (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  icon TEXT NOT NULL,
  description TEXT NOT NULL,
  parameters TEXT NOT NULL,
  privacy_policy TEXT NOT NULL,
  labels TEXT NOT NULL,
  version TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (tenant_id, name),
  UNIQUE (tenant_id, app_id)
);
