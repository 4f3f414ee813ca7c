-- Surfaces are made from a version once, and exported in many formats.

create table public.meshes (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    version integer not null,
    preset text not null check (preset in ('fastest', 'balanced', 'quality')),
    filtered boolean not null default false,
    method text not null,
    triangles integer not null check (triangles > 0),
    vertices integer not null check (vertices > 0),
    watertight boolean not null,
    texture_px integer check (texture_px > 0),
    observed_share double precision check (observed_share between 0 and 1),
    split text check (split in ('held_out', 'training')),
    psnr double precision,
    ssim double precision,
    degraded boolean not null default false,
    seconds double precision not null check (seconds >= 0),
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique (project_id, version, preset, filtered),
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade
);
comment on table public.meshes is 'Textured surfaces made from a version, each once a preset; exports of meshes are written from them.';
comment on column public.meshes.filtered is 'Made from the version without its floaters.';
comment on column public.meshes.method is 'How the surface was made and painted, as tsdf/baked; another word after the stroke is a fallback.';
comment on column public.meshes.observed_share is 'Share of the texels that some photo shows; the others were filled in. Null: no texture.';
comment on column public.meshes.split is 'Which photos psnr (dB) and ssim compare renders of the mesh with, where the mesh covers them.';
create index meshes_run_idx on public.meshes (run_id);

alter table public.export_history add column details jsonb not null default '{}';
comment on column public.export_history.details is
    'How the file stands: up (direction, method, confidence, sentence), out_from_world (4 x 4), what it holds, and why its loss was not measured.';

create table public.mesh_files (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    mesh_id uuid not null references public.meshes (id) on delete cascade,
    name text not null,
    artifact_id uuid not null references public.artifacts (id) on delete cascade,
    created_at timestamptz not null default now(),
    unique (mesh_id, name)
);
comment on table public.mesh_files is 'The files of a mesh: mesh.obj, material.mtl, textures, previews, quality.json; mesh.npz, which exports are written from.';
create index mesh_files_project_idx on public.mesh_files (project_id);
create index mesh_files_artifact_idx on public.mesh_files (artifact_id);
