-- The vector of the annotation of a message. tenant, app, message
DELETE FROM annotation_vectors
WHERE tenant_id = $1 AND app_id = $2 AND annotation_id IN (SELECT a.id FROM annotations a
  WHERE a.tenant_id = $1 AND a.app_id = $2 AND a.message_id = $3)
