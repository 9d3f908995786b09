-- $1 tenant becomes the current workspace of $2 account, when it is a member.
UPDATE tenant_members SET is_current = 1 WHERE tenant_id = $1 AND account_id = $2
