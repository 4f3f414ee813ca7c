-- The best version of each project by its held-out views, and whether it is the promoted one.
-- Who: service_role and postgres see all projects, a signed-in user their own.
-- Of one project: select version from public.best_models where project_id = '…'
--
--   project_id | name     | version | psnr  | ssim  | overall_quality | quality_class | num_gaussians | promoted
--   1b2c…      | Fountain | 1       | 25.32 | 0.863 | 0.748           | normal        | 118020        | true
--   7d1e…      | Shed     | 4       | 21.07 | 0.791 | 0.659           | warning       | 96311         | false
select
    b.project_id, p.name, b.version, round(b.psnr::numeric, 2) as psnr, round(b.ssim::numeric, 3) as ssim,
    round(b.overall_quality::numeric, 3) as overall_quality, b.quality_class, b.num_gaussians, b.promoted
from public.best_models b
join public.projects p on p.id = b.project_id
order by p.created_at, p.id;
