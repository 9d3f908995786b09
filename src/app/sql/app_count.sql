-- Parameters as the first four of app_list. Columns: count.
SELECT COUNT(*) FROM apps a
WHERE a.tenant_id = $1 AND ($2 = '' OR a.mode = $2)
	AND ($3 = '' OR LOWER(a.name) LIKE $3 ESCAPE '!') AND ($4 = '' OR a.created_by = $4)
