-- The stored hash. $1 id. Columns: password, status.
SELECT password, status FROM accounts WHERE id = $1
