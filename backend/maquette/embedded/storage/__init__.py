"""The Storage service of the embedded stack: `/storage/v1` as Supabase speaks it, over a folder and storage.objects."""
