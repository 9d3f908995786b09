-- Conversations, messages and what belongs to them. created_by with by_account tells whose a row
-- is: an end user's (0) or an account's (1, debug runs of the console).
CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  name TEXT NOT NULL,
  named BIGINT NOT NULL,
  introduction TEXT NOT NULL,
  inputs TEXT NOT NULL,
  config TEXT,
  invoke_from TEXT NOT NULL,
  created_by TEXT NOT NULL,
  by_account BIGINT NOT NULL,
  dialogue_count BIGINT NOT NULL,
  pinned_ms BIGINT NOT NULL,
  deleted BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);
CREATE INDEX conversations_owner ON conversations (app_id, created_by, updated_ms);
CREATE INDEX conversations_app ON conversations (app_id, created_ms);

CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  inputs TEXT NOT NULL,
  query TEXT NOT NULL,
  prompt TEXT NOT NULL,
  answer TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT,
  message_tokens BIGINT NOT NULL,
  answer_tokens BIGINT NOT NULL,
  total_price TEXT NOT NULL,
  currency TEXT NOT NULL,
  latency DOUBLE PRECISION NOT NULL,
  metadata TEXT NOT NULL,
  files TEXT NOT NULL,
  parent_message_id TEXT,
  workflow_run_id TEXT,
  invoke_from TEXT NOT NULL,
  created_by TEXT NOT NULL,
  by_account BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);
CREATE INDEX messages_conversation ON messages (conversation_id, created_ms, id);
CREATE INDEX messages_app ON messages (app_id, created_ms);

CREATE TABLE message_files (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  upload_file_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);
CREATE INDEX message_files_upload ON message_files (upload_file_id);

CREATE TABLE message_feedbacks (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  rating TEXT NOT NULL,
  content TEXT,
  from_source TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (message_id, from_source)
);
CREATE INDEX message_feedbacks_app ON message_feedbacks (app_id, created_ms);

CREATE TABLE conversation_variables (
  conversation_id TEXT NOT NULL,
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value_type TEXT NOT NULL,
  value TEXT NOT NULL,
  description TEXT NOT NULL,
  position BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, id),
  UNIQUE (conversation_id, name)
);

CREATE TABLE saved_messages (
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (message_id, created_by)
);
