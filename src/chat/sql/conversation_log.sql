-- Page of an app's conversations for the console, newest first, with the number of messages and
-- the total. tenant, app, mode class (1 = completion), keyword pattern ('' = all),
-- from ms, until ms, limit, offset, annotated (0 = all, 1 = with annotations, 2 = without)
SELECT c.id, c.tenant_id, c.app_id, c.mode, c.name, c.introduction, c.inputs, c.config,
  c.invoke_from, c.created_by, c.by_account, c.dialogue_count, c.pinned_ms, c.created_ms,
  c.updated_ms,
  (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id) AS message_count,
  (SELECT count(*) FROM message_feedbacks f WHERE f.conversation_id = c.id
    AND f.from_source = 'user' AND f.rating = 'like') AS user_likes,
  (SELECT count(*) FROM message_feedbacks f WHERE f.conversation_id = c.id
    AND f.from_source = 'user' AND f.rating = 'dislike') AS user_dislikes,
  (SELECT count(*) FROM message_feedbacks f WHERE f.conversation_id = c.id
    AND f.from_source = 'admin' AND f.rating = 'like') AS admin_likes,
  (SELECT count(*) FROM message_feedbacks f WHERE f.conversation_id = c.id
    AND f.from_source = 'admin' AND f.rating = 'dislike') AS admin_dislikes,
  (SELECT m.query FROM messages m WHERE m.conversation_id = c.id
    ORDER BY m.created_ms, m.id LIMIT 1) AS summary,
  (SELECT count(*) FROM messages m JOIN flow_runs w ON w.id = m.workflow_run_id
    WHERE m.conversation_id = c.id AND w.status = 'succeeded') AS runs_succeeded,
  (SELECT count(*) FROM messages m JOIN flow_runs w ON w.id = m.workflow_run_id
    WHERE m.conversation_id = c.id AND w.status = 'failed') AS runs_failed,
  (SELECT count(*) FROM messages m JOIN flow_runs w ON w.id = m.workflow_run_id
    WHERE m.conversation_id = c.id AND w.status = 'partial-succeeded') AS runs_partial,
  (SELECT count(*) FROM annotations a WHERE a.conversation_id = c.id) AS annotated,
  count(*) OVER () AS total
FROM conversations c
WHERE c.tenant_id = $1 AND c.app_id = $2 AND c.deleted = 0 AND c.invoke_from <> 'debugger'
  AND CASE WHEN c.mode = 'completion' THEN 1 ELSE 0 END = $3
  AND ($4 = '' OR lower(c.name) LIKE $4 OR EXISTS (SELECT 1 FROM messages m
    WHERE m.conversation_id = c.id AND (lower(m.query) LIKE $4 OR lower(m.answer) LIKE $4)))
  AND c.created_ms >= $5 AND c.created_ms < $6
  AND ($9 = 0 OR $9 = CASE WHEN EXISTS (SELECT 1 FROM annotations a WHERE a.conversation_id = c.id)
    THEN 1 ELSE 2 END)
ORDER BY c.created_ms DESC, c.id DESC
LIMIT $7 OFFSET $8
