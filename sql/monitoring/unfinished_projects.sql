-- Projects that are neither completed nor failed, newest first.
-- Who: service_role and postgres see all projects, a signed-in user their own.
--
--   id       | status     | created_at          | current_step
--   1b2c…    | processing | 2026-11-21 09:30:00 | refine
--   77d0…    | uploaded   | 2026-11-20 18:02:11 | upload
SELECT id, status, created_at, current_step FROM projects WHERE status NOT IN ('completed', 'failed') ORDER BY created_at DESC;
