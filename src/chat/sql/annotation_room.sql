-- One row when the app may have so many more. tenant, app, how many, most
SELECT 1
WHERE (SELECT count(*) FROM annotations WHERE tenant_id = $1 AND app_id = $2)
  + CAST($3 AS BIGINT) <= CAST($4 AS BIGINT)
