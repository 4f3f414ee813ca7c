-- Objects and whole megabytes (1,048,576 bytes) in each bucket, as storage itself has them.
-- Who: service_role and postgres see all objects, a signed-in user those of their projects.
--
--   bucket_id       | file_count | size_mb
--   3d-models       | 41         | 1210
--   project-uploads | 96         | 388
SELECT bucket_id, COUNT(*) as file_count, SUM((metadata->>'size')::bigint) / 1024 / 1024 as size_mb FROM storage.objects GROUP BY bucket_id ORDER BY bucket_id;
