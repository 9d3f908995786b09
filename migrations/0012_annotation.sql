-- Annotations: answers that people wrote for questions, and what finds the nearest of them.

-- revision counts changes of the question: a vector is kept only of the one it was made from.
CREATE TABLE annotations (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  conversation_id TEXT,
  message_id TEXT,
  question TEXT NOT NULL,
  content TEXT NOT NULL,
  hit_count BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);
CREATE INDEX annotations_app ON annotations (app_id, created_ms, id);
CREATE INDEX annotations_conversation ON annotations (conversation_id)
  WHERE conversation_id IS NOT NULL;
CREATE UNIQUE INDEX annotations_message ON annotations (message_id) WHERE message_id IS NOT NULL;

-- One row an app that ever answered with annotations. version grows with every change of a vector
-- that a search may see: what a process holds of an app in memory is good for one version.
CREATE TABLE annotation_settings (
  app_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  score_threshold DOUBLE PRECISION NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  version BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

-- The question as floats of length one, by model ("provider/name"): while another model's vectors are
-- being made, the old ones go on answering.
CREATE TABLE annotation_vectors (
  annotation_id TEXT NOT NULL,
  model TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  vector BYTEA NOT NULL,
  PRIMARY KEY (annotation_id, model)
);
CREATE INDEX annotation_vectors_app ON annotation_vectors (app_id, model, annotation_id);

CREATE TABLE annotation_hits (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  annotation_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  source TEXT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  question TEXT NOT NULL,
  annotation_question TEXT NOT NULL,
  annotation_content TEXT NOT NULL,
  annotation_account_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);
CREATE INDEX annotation_hits_annotation ON annotation_hits (annotation_id, created_ms, id);
CREATE INDEX annotation_hits_conversation ON annotation_hits (conversation_id);

-- Work that is asked for and looked at later. kind: enable, disable, import. payload: what to do, as
-- JSON. done counts what is stored already: a job that is begun again goes on there.
CREATE TABLE annotation_jobs (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT NOT NULL,
  payload TEXT NOT NULL,
  account_id TEXT NOT NULL,
  done BIGINT NOT NULL,
  total BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);
CREATE INDEX annotation_jobs_app ON annotation_jobs (app_id, created_ms, id);
CREATE INDEX annotation_jobs_import ON annotation_jobs (tenant_id, created_ms) WHERE kind = 'import';
