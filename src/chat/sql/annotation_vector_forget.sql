-- The vector of a question that becomes another. tenant, app, annotation, new question
DELETE FROM annotation_vectors
WHERE tenant_id = $1 AND app_id = $2 AND annotation_id = $3
  AND EXISTS (SELECT 1 FROM annotations a WHERE a.id = annotation_vectors.annotation_id
    AND a.question <> $4)
