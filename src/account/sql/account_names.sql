-- What lists show of $1 account. Columns: name, email.
SELECT name, email FROM accounts WHERE id = $1
