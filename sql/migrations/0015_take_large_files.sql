-- Large files come to the bucket by resumable upload, and from there into their project.

create table maquette.incoming_files (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    filename text not null check (char_length(filename) between 1 and 200),
    bytes bigint not null check (bytes > 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    run_id uuid references public.runs (id) on delete cascade,
    sha256 text,
    constraint incoming_files_taken_in_whole check ((run_id is null) = (sha256 is null))
);
comment on table maquette.incoming_files is
    'Files that may come to project-uploads by resumable upload, under PROJECT/incoming/ID, and be taken in from there.';
comment on column maquette.incoming_files.bytes is 'As announced; a file of another size is not taken in.';
comment on column maquette.incoming_files.expires_at is 'From then on the object and this row are removed.';
comment on column maquette.incoming_files.run_id is 'The upload that took the file in; null: none yet.';
comment on column maquette.incoming_files.sha256 is 'Of the file that was taken in, for a repeated call to be known by.';
create index incoming_files_project_idx on maquette.incoming_files (project_id);
create index incoming_files_run_idx on maquette.incoming_files (run_id);
create index incoming_files_expiry_idx on maquette.incoming_files (expires_at);
alter table maquette.incoming_files enable row level security;
revoke all on maquette.incoming_files from public, anon, authenticated, service_role;
