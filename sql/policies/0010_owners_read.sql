-- Row security of every table: owners read their own rows, nobody signed in sees another's, anon sees nothing.
-- Clients write nothing here: the service does, as the tables' owner. Ownership stands in projects alone.
-- `= any (array(…))` lists the reader's projects once and then finds their rows by index, also where the reader asks
-- for no project at all; `in (…)` reads other people's rows and throws them away (bench/growth.py).

alter table public.projects enable row level security;
revoke all on public.projects from anon, authenticated;
grant select on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;
drop policy if exists "Owners read their projects" on public.projects;
create policy "Owners read their projects" on public.projects for select to authenticated
using (owner_id = (select auth.uid()));

alter table public.runs enable row level security;
revoke all on public.runs from anon, authenticated;
grant select on public.runs to authenticated;
grant select, insert, update, delete on public.runs to service_role;
drop policy if exists "Owners read their runs" on public.runs;
create policy "Owners read their runs" on public.runs for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.artifacts enable row level security;
revoke all on public.artifacts from anon, authenticated;
grant select on public.artifacts to authenticated;
grant select, insert, update, delete on public.artifacts to service_role;
drop policy if exists "Owners read their artifacts" on public.artifacts;
create policy "Owners read their artifacts" on public.artifacts for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.artifact_inputs enable row level security;
revoke all on public.artifact_inputs from anon, authenticated;
grant select on public.artifact_inputs to authenticated;
grant select, insert, update, delete on public.artifact_inputs to service_role;
drop policy if exists "Owners read their artifact inputs" on public.artifact_inputs;
create policy "Owners read their artifact inputs" on public.artifact_inputs for select to authenticated
using (exists (select 1 from public.artifacts a where a.id = artifact_inputs.artifact_id));

alter table public.source_images enable row level security;
revoke all on public.source_images from anon, authenticated;
grant select on public.source_images to authenticated;
grant select, insert, update, delete on public.source_images to service_role;
drop policy if exists "Owners read their source images" on public.source_images;
create policy "Owners read their source images" on public.source_images for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.eval_sets enable row level security;
revoke all on public.eval_sets from anon, authenticated;
grant select on public.eval_sets to authenticated;
grant select, insert, update, delete on public.eval_sets to service_role;
drop policy if exists "Owners read their eval sets" on public.eval_sets;
create policy "Owners read their eval sets" on public.eval_sets for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.multiview_generation enable row level security;
revoke all on public.multiview_generation from anon, authenticated;
grant select on public.multiview_generation to authenticated;
grant select, insert, update, delete on public.multiview_generation to service_role;
drop policy if exists "Owners read their multiview generation" on public.multiview_generation;
create policy "Owners read their multiview generation" on public.multiview_generation for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.gaussian_splat_models enable row level security;
revoke all on public.gaussian_splat_models from anon, authenticated;
grant select on public.gaussian_splat_models to authenticated;
grant select, insert, update, delete on public.gaussian_splat_models to service_role;
drop policy if exists "Owners read their gaussian splat models" on public.gaussian_splat_models;
create policy "Owners read their gaussian splat models" on public.gaussian_splat_models for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.depth_maps enable row level security;
revoke all on public.depth_maps from anon, authenticated;
grant select on public.depth_maps to authenticated;
grant select, insert, update, delete on public.depth_maps to service_role;
drop policy if exists "Owners read their depth maps" on public.depth_maps;
create policy "Owners read their depth maps" on public.depth_maps for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.enhancement_iterations enable row level security;
revoke all on public.enhancement_iterations from anon, authenticated;
grant select on public.enhancement_iterations to authenticated;
grant select, insert, update, delete on public.enhancement_iterations to service_role;
drop policy if exists "Owners read their enhancement iterations" on public.enhancement_iterations;
create policy "Owners read their enhancement iterations" on public.enhancement_iterations for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.enhanced_views enable row level security;
revoke all on public.enhanced_views from anon, authenticated;
grant select on public.enhanced_views to authenticated;
grant select, insert, update, delete on public.enhanced_views to service_role;
drop policy if exists "Owners read their enhanced views" on public.enhanced_views;
create policy "Owners read their enhanced views" on public.enhanced_views for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.refinement_metrics enable row level security;
revoke all on public.refinement_metrics from anon, authenticated;
grant select on public.refinement_metrics to authenticated;
grant select, insert, update, delete on public.refinement_metrics to service_role;
drop policy if exists "Owners read their refinement metrics" on public.refinement_metrics;
create policy "Owners read their refinement metrics" on public.refinement_metrics for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.export_history enable row level security;
revoke all on public.export_history from anon, authenticated;
grant select on public.export_history to authenticated;
grant select, insert, update, delete on public.export_history to service_role;
drop policy if exists "Owners read their export history" on public.export_history;
create policy "Owners read their export history" on public.export_history for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.meshes enable row level security;
revoke all on public.meshes from anon, authenticated;
grant select on public.meshes to authenticated;
grant select, insert, update, delete on public.meshes to service_role;
drop policy if exists "Owners read their meshes" on public.meshes;
create policy "Owners read their meshes" on public.meshes for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.mesh_files enable row level security;
revoke all on public.mesh_files from anon, authenticated;
grant select on public.mesh_files to authenticated;
grant select, insert, update, delete on public.mesh_files to service_role;
drop policy if exists "Owners read their mesh files" on public.mesh_files;
create policy "Owners read their mesh files" on public.mesh_files for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.training_previews enable row level security;
revoke all on public.training_previews from anon, authenticated;
grant select on public.training_previews to authenticated;
grant select, insert, update, delete on public.training_previews to service_role;
drop policy if exists "Owners read their training previews" on public.training_previews;
create policy "Owners read their training previews" on public.training_previews for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.training_losses enable row level security;
revoke all on public.training_losses from anon, authenticated;
grant select on public.training_losses to authenticated;
grant select, insert, update, delete on public.training_losses to service_role;
drop policy if exists "Owners read their training losses" on public.training_losses;
create policy "Owners read their training losses" on public.training_losses for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));

alter table public.events enable row level security;
revoke all on public.events from anon, authenticated;
grant select on public.events to authenticated;
grant select, insert, update, delete on public.events to service_role;
drop policy if exists "Owners read their events" on public.events;
create policy "Owners read their events" on public.events for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));
