-- The six private buckets of DESIGN 3. Limits are bytes; mime types are what the steps write and nothing else.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
    ('project-uploads', 'project-uploads', false, 2147483648, array[
        'image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif', 'image/tiff', 'image/bmp', 'image/avif',
        'video/mp4', 'video/quicktime', 'video/webm', 'video/x-matroska',
        'application/zip', 'application/json', 'application/octet-stream']),
    ('processed-images', 'processed-images', false, 268435456, array[
        'image/jpeg', 'image/png', 'image/webp', 'application/json']),
    ('multiview-images', 'multiview-images', false, 268435456, array[
        'image/jpeg', 'image/png', 'image/webp', 'application/json', 'application/zip', 'application/octet-stream']),
    ('depth-maps', 'depth-maps', false, 268435456, array[
        'image/png', 'image/jpeg', 'image/webp', 'image/tiff', 'application/x-npz', 'application/x-npy',
        'application/octet-stream']),
    ('enhanced-views', 'enhanced-views', false, 268435456, array[
        'image/jpeg', 'image/png', 'image/webp', 'application/json']),
    ('3d-models', '3d-models', false, 5368709120, array[
        'model/*', 'application/x-ply', 'application/x-npz', 'application/octet-stream', 'application/zip',
        'application/gzip', 'application/json', 'text/plain', 'image/jpeg', 'image/png', 'image/webp',
        'video/mp4', 'video/webm'])
on conflict (id) do update set
    public = excluded.public,
    file_size_limit = excluded.file_size_limit,
    allowed_mime_types = excluded.allowed_mime_types;
