-- Marks set-up as done; a second one conflicts. $1 version, $2 now.
INSERT INTO setups (id, version, setup_ms) VALUES (1, $1, $2)
