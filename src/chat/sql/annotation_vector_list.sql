-- Vectors of an app by annotation. tenant, app, model, after this annotation, at most
SELECT annotation_id, vector
FROM annotation_vectors
WHERE app_id = $2 AND model = $3 AND tenant_id = $1 AND annotation_id > $4
ORDER BY annotation_id
LIMIT $5
