-- Fills the tables as the steps would, for the projects numbered first_project to last_project: the same number gives
-- the same ids every time. It expects to run with session_replication_role = replica, so that no trigger adds events
-- of its own. bench/seed.py calls it.

create or replace function pg_temp.seed_id(kind text, project int, number int default 0) returns uuid
language sql stable as $$ select md5(kind || ' ' || project || ' ' || number)::uuid $$;

create or replace function pg_temp.seed_hash(id uuid) returns text
language sql stable as $$ select md5(id::text) || md5(id::text || '.') $$;

create or replace function pg_temp.seed_projects(
    first_project int, last_project int, owner uuid, owners int,
    photos int, held_out int, versions int, enhanced int, exports int, events int
) returns void
language plpgsql as $$
begin
    create temp table numbers on commit drop as
        select n, pg_temp.seed_id('project', n) as project_id,
               coalesce(owner, pg_temp.seed_id('owner', n % owners)) as owner_id,
               timestamptz '2026-01-01' + n * interval '1 minute' as born,
               pg_temp.seed_id('run', n, 0) as upload_run, pg_temp.seed_id('run', n, 1) as generate_run
        from generate_series(first_project, last_project) n;

    insert into auth.users (id) select distinct owner_id from numbers on conflict do nothing;
    insert into public.projects (id, owner_id, name, status, current_step, progress_percentage, event_seq, created_at)
        select project_id, owner_id, 'Project ' || n, 'completed', 'export', 100, events, born from numbers;

    -- Run 0 uploads, run 1 generates version 0, each next run refines one version into the next; exports close.
    insert into public.runs (
        id, project_id, step, status, parameters, code_version, model_versions, input_hash, attempt, stage,
        progress_percentage, message, queued_at, started_at, heartbeat_at, finished_at, workload, size, result, timings)
        select pg_temp.seed_id('run', n, r), project_id, step, 'completed',
               '{"num_iterations": 1, "learning_rate": 0.01, "convergence_threshold": 0.01, "preset": "balanced"}',
               '0.1.0', '{"maquette": "0.1.0"}', pg_temp.seed_hash(pg_temp.seed_id('run', n, r)), 1, 'writing', 100, '',
               born + r * interval '1 hour', born + r * interval '1 hour 1 minute',
               born + r * interval '1 hour 2 minutes', born + r * interval '1 hour 2 minutes',
               case step
                   when 'upload' then ''
                   when 'generate' then 'generate/balanced'
                   when 'refine' then 'refine/none/balanced/480px'
                   else 'export/splat'
               end,
               case when step = 'export' then 100 else photos end,
               case step
                   when 'upload' then jsonb_build_object('images', photos, 'usable', photos)
                   when 'generate' then jsonb_build_object(
                       'version', 0, 'views_generated', photos, 'depth_maps_generated', photos,
                       'photos_placed', photos, 'psnr', 24, 'ssim', 0.8, 'num_gaussians', 100000)
                   when 'refine' then jsonb_build_object(
                       'iterations_completed', 1, 'converged', false, 'versions', array[r - 1], 'final_version', r - 1,
                       'metrics', '[]'::jsonb)
                   else jsonb_build_object(
                       'export_id', pg_temp.seed_id('exported', n, r - versions), 'version', versions - 1,
                       'format', 'splat', 'bytes', 9000000, 'sha256', repeat('0', 64))
               end, '{"training": 61.5, "writing": 1.25, "peak_memory_mb": 812}'
        from numbers, generate_series(0, versions + exports) r,
             lateral (select case when r = 0 then 'upload' when r = 1 then 'generate'
                                  when r <= versions then 'refine' else 'export' end as step) s;

    insert into public.artifacts (id, project_id, run_id, kind, bucket, path, sha256, bytes, mime, created_at)
        select id, project_id, run_id, kind, bucket, project_id || '/' || path, pg_temp.seed_hash(id), size, mime, born
        from numbers, lateral (
            select pg_temp.seed_id('original', n, i) as id, upload_run as run_id, 'original' as kind,
                   'project-uploads' as bucket, format('originals/%s.jpg', md5('photo' || i)) as path,
                   4000000 as size, 'image/jpeg' as mime
            from generate_series(0, photos - 1) i
            union all
            select pg_temp.seed_id('processed', n, i), upload_run, 'processed', 'processed-images',
                   format('images/%s.jpg', lpad(i::text, 4, '0')), 900000, 'image/jpeg'
            from generate_series(0, photos - 1) i
            union all
            select pg_temp.seed_id(kind, n, i), generate_run, kind, bucket,
                   format('%s/%s/%s', generate_run, folder, lpad(i::text, 4, '0') || ending), size, mime
            from generate_series(0, photos - 1) i, (values
                ('view', 'multiview-images', 'views', '.jpg', 500000, 'image/jpeg'),
                ('depth', 'depth-maps', 'depth', '.png', 1200000, 'image/png'),
                ('heatmap', 'depth-maps', 'heatmaps', '.png', 300000, 'image/png')
            ) k (kind, bucket, folder, ending, size, mime)
            union all
            select pg_temp.seed_id(kind, n, v), pg_temp.seed_id('run', n, v + 1), kind, '3d-models',
                   format('models/v%s/%s/%s', v, pg_temp.seed_id('run', n, v + 1), file), size, mime
            from generate_series(0, versions - 1) v, (values
                ('unfiltered', 'unfiltered.ply', 24000000, 'application/x-ply'),
                ('model', 'filtered.ply', 23000000, 'application/x-ply'),
                ('checkpoint', 'checkpoint.npz', 70000000, 'application/x-npz'),
                ('preview', 'preview.jpg', 40000, 'image/jpeg')
            ) k (kind, file, size, mime)
            union all
            select pg_temp.seed_id(kind, n, v * 1000 + i), pg_temp.seed_id('run', n, v + 1), kind, 'enhanced-views',
                   format('%s/iterations/001/%s-%s.png', pg_temp.seed_id('run', n, v + 1), kind, i), 400000, 'image/png'
            from generate_series(1, versions - 1) v, generate_series(0, enhanced - 1) i,
                 (values ('rendered'), ('enhanced')) k (kind)
            union all
            select pg_temp.seed_id('export', n, e), pg_temp.seed_id('run', n, versions + e), 'export', '3d-models',
                   format('exports/%s/model.splat', pg_temp.seed_id('run', n, versions + e)), 9000000,
                   'application/octet-stream'
            from generate_series(1, exports) e
        ) made;

    insert into public.artifact_inputs (artifact_id, input_artifact_id)
        select artifact_id, input_id from numbers, lateral (
            select pg_temp.seed_id(made, n, i) as artifact_id, pg_temp.seed_id(source, n, i) as input_id
            from generate_series(0, photos - 1) i, (values
                ('processed', 'original'), ('view', 'processed'), ('depth', 'view'), ('heatmap', 'depth')
            ) k (made, source)
            union all
            select pg_temp.seed_id('unfiltered', n, v), pg_temp.seed_id('view', n, i)
            from generate_series(0, versions - 1) v, generate_series(held_out, photos - 1) i
            union all
            select pg_temp.seed_id('unfiltered', n, v), pg_temp.seed_id('checkpoint', n, v - 1)
            from generate_series(1, versions - 1) v
            union all
            select pg_temp.seed_id(made, n, v), pg_temp.seed_id('unfiltered', n, v)
            from generate_series(0, versions - 1) v, (values ('model'), ('checkpoint'), ('preview')) k (made)
            union all
            select pg_temp.seed_id('rendered', n, v * 1000 + i), pg_temp.seed_id('model', n, v - 1)
            from generate_series(1, versions - 1) v, generate_series(0, enhanced - 1) i
            union all
            select pg_temp.seed_id('enhanced', n, v * 1000 + i), pg_temp.seed_id('rendered', n, v * 1000 + i)
            from generate_series(1, versions - 1) v, generate_series(0, enhanced - 1) i
            union all
            select pg_temp.seed_id('export', n, e), pg_temp.seed_id('model', n, versions - 1)
            from generate_series(1, exports) e
        ) made;

    insert into storage.objects (bucket_id, name, version, metadata)
        select a.bucket, a.path, 'seed', jsonb_build_object('size', a.bytes, 'mimetype', a.mime)
        from numbers join public.artifacts a using (project_id);

    insert into public.source_images (
        id, project_id, run_id, image_index, filename, verdict, sha256, width, height, original_width, original_height,
        sharpness, exposure, focal_px, original_artifact_id, processed_artifact_id, placed, created_at)
        select pg_temp.seed_id('photo', n, i), project_id, upload_run, i, format('IMG_%s.jpg', i), 'ok',
               pg_temp.seed_hash(pg_temp.seed_id('original', n, i)), 1600, 1200, 4032, 3024, 812.5, 0.46, 1250,
               pg_temp.seed_id('original', n, i), pg_temp.seed_id('processed', n, i), true, born
        from numbers, generate_series(0, photos - 1) i;
    insert into public.eval_sets (id, project_id, run_id, width, height, image_names)
        select pg_temp.seed_id('eval', n), project_id, generate_run, 800, 600, '["0000.jpg", "0008.jpg"]' from numbers;
    insert into public.multiview_generation (
        id, project_id, run_id, source_image_id, view_index, name, split, camera, image_artifact_id, created_at)
        select pg_temp.seed_id('pose', n, i), project_id, generate_run, pg_temp.seed_id('photo', n, i), i,
               lpad(i::text, 4, '0') || '.jpg', case when i < held_out then 'held_out' else 'training' end,
               '{"width": 1600, "height": 1200, "fx": 1250.25, "fy": 1250.25, "cx": 800, "cy": 600,
                 "camera_from_world": [[0.91, 0.12, -0.39, 0.05], [-0.11, 0.99, 0.04, 0.22],
                                       [0.39, 0.01, 0.92, 3.17], [0, 0, 0, 1]]}',
               pg_temp.seed_id('view', n, i), born
        from numbers, generate_series(0, photos - 1) i;
    insert into public.depth_maps (
        project_id, run_id, view_id, method, depth_min, depth_max, depth_mean, coverage, depth_artifact_id,
        heatmap_artifact_id, created_at)
        select project_id, generate_run, pg_temp.seed_id('pose', n, i), 'rendered_median', 1.2, 9.8, 3.3, 0.97,
               pg_temp.seed_id('depth', n, i), pg_temp.seed_id('heatmap', n, i), born
        from numbers, generate_series(0, photos - 1) i;

    insert into public.gaussian_splat_models (
        project_id, run_id, view_run_id, version, parent_version, method, promoted, num_gaussians,
        num_gaussians_unfiltered, sh_degree, iterations, eval_set_id, psnr, ssim, overall_quality, model_artifact_id,
        unfiltered_artifact_id, filtered_artifact_id, checkpoint_artifact_id, preview_artifact_id, details, created_at)
        select project_id, pg_temp.seed_id('run', n, v + 1), generate_run, v, case when v > 0 then v - 1 end,
               case when v = 0 then 'generate' else 'refine' end, v = versions - 1, 100000 + v, 104000 + v, 3,
               3000 + 500 * v, pg_temp.seed_id('eval', n), 24 + 0.1 * v, 0.8 + 0.004 * v, 0.6 + 0.005 * v,
               pg_temp.seed_id('model', n, v), pg_temp.seed_id('unfiltered', n, v), pg_temp.seed_id('model', n, v),
               pg_temp.seed_id('checkpoint', n, v), pg_temp.seed_id('preview', n, v),
               '{"floaters": {"accepted": true, "removed": 4000}, "scale": 1.0}', born + v * interval '1 hour'
        from numbers, generate_series(0, versions - 1) v;
    insert into public.refinement_metrics (
        project_id, run_id, version, eval_set_id, split, view_index, psnr, ssim, overall_quality, created_at)
        select project_id, pg_temp.seed_id('run', n, v + 1), v,
               case when split = 'held_out' then pg_temp.seed_id('eval', n) end, split, view_index,
               24 + 0.1 * v + 0.01 * coalesce(view_index, 0), 0.8 + 0.004 * v, 0.6 + 0.005 * v,
               born + v * interval '1 hour'
        from numbers, generate_series(0, versions - 1) v, lateral (
            select case when i < held_out then 'held_out' else 'training' end as split, i as view_index
            from generate_series(0, photos - 1) i
            union all values ('held_out', null::int), ('training', null)) m;
    insert into public.enhancement_iterations (
        id, project_id, run_id, iteration, parent_version, version, method, quality_before, quality_after,
        relative_gain, converged, promoted, seconds, created_at)
        select pg_temp.seed_id('round', n, v), project_id, pg_temp.seed_id('run', n, v + 1), 1, v - 1, v, 'none',
               0.595 + 0.005 * v, 0.6 + 0.005 * v, 0.008, false, true, 44.5, born + v * interval '1 hour'
        from numbers, generate_series(1, versions - 1) v;
    insert into public.enhanced_views (
        project_id, iteration_id, view_id, method, rendered_artifact_id, enhanced_artifact_id, created_at)
        select project_id, pg_temp.seed_id('round', n, v), pg_temp.seed_id('pose', n, i), 'sharpen',
               pg_temp.seed_id('rendered', n, v * 1000 + i), pg_temp.seed_id('enhanced', n, v * 1000 + i), born
        from numbers, generate_series(1, versions - 1) v, generate_series(0, enhanced - 1) i;
    insert into public.export_history (
        id, project_id, run_id, version, format, options, artifact_id, bytes, sha256, seconds, created_at)
        select pg_temp.seed_id('exported', n, e), project_id, pg_temp.seed_id('run', n, versions + e), versions - 1, 'splat', '{}',
               pg_temp.seed_id('export', n, e), 9000000, pg_temp.seed_hash(pg_temp.seed_id('export', n, e)), 1.5, born
        from numbers, generate_series(1, exports) e;
    insert into public.events (project_id, seq, run_id, type, payload, created_at)
        select project_id, s, pg_temp.seed_id('run', n, s % (versions + exports)), 'progress',
               jsonb_build_object(
                   'run_id', pg_temp.seed_id('run', n, s % (versions + exports)), 'step', 'refine', 'status', 'running',
                   'stage', 'training', 'progress_percentage', s % 100, 'message', 'iteration ' || s, 'attempt', 1,
                   'degraded', false, 'error', null),
               born + s * interval '1 second'
        from numbers, generate_series(1, events) s;
    drop table numbers;
end
$$;
