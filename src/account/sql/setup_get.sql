-- When set-up was done. No parameters. Columns: setup_ms.
SELECT setup_ms FROM setups WHERE id = 1
