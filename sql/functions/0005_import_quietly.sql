-- Whether this transaction writes the rows of an imported project. They tell of what happened elsewhere, long ago: the
-- triggers that make events of new rows leave them alone, and the import tells of itself with one event.
create or replace function public.is_importing() returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
    select coalesce(pg_catalog.current_setting('maquette.importing', true), '') = 'on'
$$;
comment on function public.is_importing() is
    'Set by maquette.db.bundles for one transaction; whoever may write rows at all may also set it.';
revoke execute on function public.is_importing() from public, anon, authenticated;
grant execute on function public.is_importing() to service_role;
