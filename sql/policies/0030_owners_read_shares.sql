-- Share links are read by the project's owner. Whoever holds a link asks the service, never the table: anon sees nothing.

alter table public.share_links enable row level security;
revoke all on public.share_links from anon, authenticated;
grant select on public.share_links to authenticated;
grant select, insert, update, delete on public.share_links to service_role;
drop policy if exists "Owners read their share links" on public.share_links;
create policy "Owners read their share links" on public.share_links for select to authenticated
using (project_id = any (array(select p.id from public.projects p where p.owner_id = (select auth.uid()))));
