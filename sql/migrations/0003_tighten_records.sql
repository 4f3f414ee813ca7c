-- What DESIGN 3 promises and 0001 left to good manners.

-- A held-out number without the set it was measured on compares with nothing, so it goes with its set.
alter table public.refinement_metrics drop constraint refinement_metrics_eval_set_id_fkey;
alter table public.refinement_metrics add constraint refinement_metrics_eval_set_id_fkey
    foreign key (eval_set_id) references public.eval_sets (id) on delete cascade;
alter table public.refinement_metrics add constraint refinement_metrics_split_set_check
    check ((split = 'held_out') = (eval_set_id is not null));
comment on column public.refinement_metrics.eval_set_id is
    'The set a held-out number was measured on; null on the training split, whose numbers compare with no other version''s.';

-- Row security of the buckets reads the first folder of a key; an artifact elsewhere would be shown to the wrong owner.
alter table public.artifacts add constraint artifacts_path_check
    check (starts_with(path, project_id::text || '/'));

-- A version comes from one round, so that refinement_progress has one row for each.
drop index public.enhancement_iterations_version_idx;
create unique index enhancement_iterations_version_idx on public.enhancement_iterations (project_id, version);

comment on column public.runs.error is '{code, message, suggestion, details} of how it failed, or why it waits for another attempt.';
comment on column public.runs.warnings is 'List of {code, message, suggestion}; each fallback that was used stands here.';
comment on column public.runs.idempotency_key is 'The caller''s Idempotency-Key, honoured for 24 hours.';
comment on column public.runs.heartbeat_at is 'When the worker last said that the attempt lives; older than 15 s while running: stalled.';
comment on column public.events.type is
    'progress, complete, error: a run; model, promote, iteration, export: what a run made; rename: the project.';
comment on column public.gaussian_splat_models.parent_version is
    'The version this one was refined from: of the same project and earlier, so that versions form a tree; null for a generate.';
comment on column public.export_history.measured_loss is 'What the format lost, measured by reading the file back; null where nothing was.';
