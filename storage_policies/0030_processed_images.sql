-- The first folder of a key is its project's id. Nobody but the service writes.
drop policy if exists "Owners read their processed-images" on storage.objects;
create policy "Owners read their processed-images" on storage.objects for select to authenticated
using (
    bucket_id = 'processed-images'
    and (storage.foldername(name))[1] in (
        select p.id::text from public.projects p where p.owner_id = (select auth.uid()))
);
